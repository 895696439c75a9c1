"""Images of every mode are decoded or refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.data import images
from fewshot_bench.data.tree import FileTree
from fewshot_bench.errors import UserError


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def test_images_of_every_mode_are_read_or_refused(tmp_path: Path):
    ramp = np.linspace(0, 65535, 256).reshape(16, 16)
    save(tmp_path / "c" / "1.png", Image.fromarray(ramp.astype(np.uint16)))
    save(tmp_path / "c" / "2.jpg", Image.fromarray(np.full((16, 16, 4), 90, np.uint8), "CMYK"))
    save(tmp_path / "c" / "3.png", Image.fromarray((ramp / 257).astype(np.uint8)).convert("P"))
    save(tmp_path / "c" / "4.png", Image.fromarray(np.full((16, 16, 4), 9, np.uint8), "RGBA"))
    save(tmp_path / "c" / "5.tif", Image.fromarray(ramp.astype(np.float32)))
    frames = [Image.new("L", (16, 16), shade) for shade in (1, 200)]
    save(tmp_path / "c" / "6.webp", frames[0], save_all=True, append_images=frames[1:])
    with FileTree(tmp_path) as tree:
        sixteen = images.decode_image(tree, "c/1.png")
        assert sixteen.mode == "L"
        assert np.asarray(sixteen).ravel()[[0, -1]].tolist() == [0, 255]
        assert [
            images.decode_image(tree, f"c/{name}").mode for name in ("2.jpg", "3.png", "4.png")
        ] == ["RGB"] * 3
        header = images.image_header(tree, "c/1.png")
        assert header == images.ImageHeader((16, 16), is_grey=True, largest=65535)
        with pytest.raises(UserError, match="pixels have mode F, not 8 or 16 bits"):
            images.decode_image(tree, "c/5.tif")
        with pytest.raises(UserError, match="it has 2 frames; keep the one that is meant"):
            images.decode_image(tree, "c/6.webp")
