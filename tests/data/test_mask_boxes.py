"""Each connected part of a mask gives a box."""

from pathlib import Path

import numpy as np
from PIL import Image

from fewshot_bench import FileTree, mask_boxes


def test_a_box_round_each_part(tmp_path: Path):
    pixels = np.zeros((10, 20), dtype=np.uint8)
    pixels[1:3, 2:5] = 255
    pixels[3, 5] = 255  # touches at a corner
    pixels[7, 12:20] = 200
    pixels[9, 0] = 90  # darker than half
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels // 255).save(tmp_path / "ones.png")
    Image.fromarray(0 * pixels).save(tmp_path / "black.png")
    with FileTree(tmp_path) as tree:
        boxes = mask_boxes(tree, ["a.png", "black.png", None, "ones.png"])
    assert boxes == (((2, 1, 6, 4), (12, 7, 20, 8)), (), (), ((2, 1, 6, 4),))
