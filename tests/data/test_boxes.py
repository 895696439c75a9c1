"""Boxes follow their pictures when these become squares."""

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.data.boxes import fitted_boxes
from fewshot_bench.data.image_set import read_images
from fewshot_bench.data.tree import FileTree

SIDE = 32


@pytest.mark.parametrize("fit", ["squash", "pad", "crop"])
@pytest.mark.parametrize("size", [(96, 64), (64, 96), (64, 64), (130, 70)])
def test_a_box_stays_where_the_picture_is_white(tmp_path, fit: str, size: tuple[int, int]):
    width, height = size
    pixels = np.zeros((height, width), dtype=np.uint8)
    box = (width // 2 - 10, height // 2 - 20, width // 2 + 16, height // 2 + 8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with FileTree(tmp_path) as tree:
        read = read_images(tree, ["a.png"], side=SIDE, fit=fit)
    (fitted,), notes = fitted_boxes([[box]], read.sizes, SIDE, fit)
    rows, columns = np.nonzero(read.images[0, 0] > 127)
    white = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(fitted[0] - white).max() <= 1
    assert notes == []


def test_shares_of_the_picture_are_told():
    (boxes,), notes = fitted_boxes([[(0.25, 0.5, 0.75, 1.0)]], [(200, 100)], 40, "squash")
    assert boxes.tolist() == [[10, 20, 30, 40]]
    assert "shares of width and height" in notes[0]


def test_a_box_that_is_cut_away_is_counted():
    boxes, notes = fitted_boxes(
        [[(0, 0, 9, 9), (40, 0, 60, 9)], []], [(100, 20), (9, 9)], 20, "crop"
    )
    assert [len(of_picture) for of_picture in boxes] == [1, 0]
    assert notes == ["1 box is left out: outside the square, or no pixel wide"]
