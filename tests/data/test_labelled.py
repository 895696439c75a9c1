"""Classes by name, and subsets of classes."""

import dataclasses
import json

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import UserError


def test_classes_resolve_by_name_or_abbreviation_in_any_case():
    data = SteelSim(SteelSimSettings(per_class=2, side=32)).load(None)
    assert data.resolve(["cr", "Rolled-in_Scale", "SCRATCHES"]) == (
        "Crazing",
        "Rolled-in_Scale",
        "Scratches",
    )
    with pytest.raises(UserError, match="did you mean 'Crazing'"):
        data.resolve(["Crasing"])
    with pytest.raises(UserError, match="'Crazing' is named twice"):
        data.resolve(["Cr", "crazing"])


def test_names_that_differ_in_case_alone_are_two_classes(blobs: LabelledImages):
    data = dataclasses.replace(blobs, class_names=("a", "A", "b", "c", "d", "e"))
    assert data.resolve(["A", "a", "B"]) == ("A", "a", "b")
    with pytest.raises(UserError, match="unknown class"):
        dataclasses.replace(blobs, class_names=("Dent", "DENT", "b", "c", "d", "e")).resolve(
            ["dent"]
        )


def test_subset_is_relabelled_in_the_order_asked_for():
    data = SteelSim(SteelSimSettings(per_class=3, side=32)).load(None)
    part = data.subset(["Scratches", "Crazing"])
    assert part.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert part.files[0] == "Scratches_1"
    assert np.array_equal(part.images[3:], data.images[:3])
    assert json.dumps(part.class_names) == '["Scratches", "Crazing"]'


def grouped(values: list[int], labels: list[int], classes: list[str]) -> LabelledImages:
    """One plain image for each value; those of one value are byte-identical."""
    images = np.stack([np.full((1, 4, 4), value, dtype=np.uint8) for value in values])
    return group_by_class("own", images, labels, classes, [f"{i}.png" for i in range(len(labels))])


def test_one_picture_in_two_classes_is_in_neither():
    data = grouped([1, 2, 3, 2, 4, 1, 1], [0, 0, 0, 1, 1, 1, 0], ["dent", "rust"])
    assert data.files == ("2.png", "4.png")
    assert data.dropped == ()
    assert data.contradictions == (
        (("0.png", "dent"), ("6.png", "dent"), ("5.png", "rust")),
        (("1.png", "dent"), ("3.png", "rust")),
    )


def test_copies_in_one_class_are_no_contradiction():
    data = grouped([1, 1, 2], [0, 0, 1], ["dent", "rust"])
    assert data.dropped == (("1.png", "0.png"),)
    assert data.contradictions == ()


def test_a_class_whose_pictures_all_lie_elsewhere_too_is_named_with_them():
    with pytest.raises(UserError, match=r"class 'zinc' of own .*1.png \(dent\) is 2.png \(zinc\)"):
        grouped([1, 2, 2], [0, 0, 1], ["dent", "zinc"])
    with pytest.raises(UserError, match="class 'zinc' of own has no image; remove it"):
        grouped([1, 2], [0, 0], ["dent", "zinc"])
