"""Classes by name, and subsets of classes."""

import dataclasses
import json

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

from fewshot_bench.data.labelled import LabelledImages
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
