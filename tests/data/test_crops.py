"""Crops: one image a box, in the group of its picture."""

import numpy as np
import pytest

from fewshot_bench.data.crops import cropped
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import UserError


def pictures(*boxes: list[tuple[int, int, int, int]]) -> LabelledImages:
    """Noise of 40 x 40 pixels; pictures of the classes a and b in turn."""
    count = len(boxes)
    images = np.random.default_rng(0).integers(0, 256, (count, 1, 40, 40), dtype=np.uint8)
    arrays = tuple(np.array(one, dtype=np.int64).reshape(-1, 4) for one in boxes)
    labels = [index % 2 for index in range(count)]
    files = [f"{index}.png" for index in range(count)]
    return group_by_class("noise", images, labels, ["a", "b"], files, boxes=arrays)


def test_a_crop_is_what_lies_in_its_box():
    data = pictures([(3, 5, 23, 25)], [(10, 10, 30, 30)])
    crops = cropped(data, 0)
    assert crops.name == "noise-crops"
    assert crops.files == ("0.png#1", "1.png#1")
    assert np.array_equal(crops.images[0, 0], data.images[0, 0, 5:25, 3:23])
    assert crops.boxes is not None
    assert crops.boxes[0].tolist() == [[0, 0, 20, 20]]


def test_a_margin_is_on_each_side_and_stays_in_the_picture():
    data = pictures([(10, 10, 30, 30)], [(0, 0, 20, 20)])
    crops = cropped(data, 0.1)
    assert np.array_equal(crops.images[0, 0], data.images[0, 0, 8:32, 8:32])
    assert np.array_equal(crops.images[1, 0], data.images[1, 0, :24, :24])
    assert crops.boxes is not None
    assert [boxes.tolist() for boxes in crops.boxes] == [[[2, 2, 22, 22]], [[0, 0, 20, 20]]]


def test_a_long_box_is_cut_out_as_a_square():
    data = pictures([(0, 18, 40, 20)], [(0, 0, 40, 40)])
    assert np.array_equal(cropped(data, 0.5).images[0], data.images[0])


def test_the_crops_of_a_picture_are_a_group():
    crops = cropped(pictures([(0, 0, 20, 20), (15, 15, 35, 35)], [(0, 0, 20, 20)]), 0)
    assert crops.groups is not None
    assert crops.groups.tolist() == [0, 0, 1]
    assert crops.group_by == "picture of the crop"


def test_pictures_and_classes_without_a_box_are_told():
    crops = cropped(pictures([(0, 0, 20, 20)], [], [(1, 1, 21, 21)], []), 0)
    assert crops.class_names == ("a",)
    assert crops.notes[1:] == (
        "2 pictures are left out, without a box: 1.png, 3.png",
        "classes without a box are left out: b",
    )


def test_no_boxes_and_no_margin():
    with pytest.raises(UserError, match="noise has no boxes here"):
        cropped(pictures([], []), 0)
    for margin in (-0.1, float("nan"), 11):
        with pytest.raises(UserError, match="out of bounds"):
            cropped(pictures([(0, 0, 20, 20)], []), margin)
