"""Small data sets in the layouts of published ones, as files in memory, and what readers of them must do."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from tests.helpers.files import archive


def noise(seed: int, width: int = 24, height: int = 16, form: str = "PNG") -> bytes:
    """The file of a grey picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    return _file(pixels, form)


def mask(*boxes: tuple[int, int, int, int], width: int = 24, height: int = 16) -> bytes:
    """The file of a mask that shows boxes (xmin, ymin, xmax, ymax); without one it is all black."""
    pixels = np.zeros((height, width), dtype=np.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 255
    return _file(pixels, "PNG")


def _file(pixels: np.ndarray, form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def refused(dataset: DataSet, place: Path, members: dict[str, bytes], message: str) -> None:
    """A data set that is not whole is refused with a message that says what is missing, and the remedy."""
    path = archive(place / "part.zip", members)
    with pytest.raises(UserError, match=message) as refusal:
        dataset.load(path)
    assert "name one complete copy with --data, or read what is there with --dataset folder" in str(
        refusal.value
    )


def needs_data(dataset: DataSet, name: str) -> None:
    """Without a path, a message says how to get the data."""
    with pytest.raises(UserError, match=f"{name} needs its data: ") as refusal:
        dataset.load(None)
    assert dataset.card.get_it in str(refusal.value)


def is_run(bench, name: str, path: Path, out: Path, *words: str) -> str:
    """`bench data` and a short `bench run` of a data set end well. What `bench data` prints is returned."""
    status, shown, error = bench("data", path, "--dataset", name)
    assert status == 0, error
    ran = bench(
        "run", "--dataset", name, "--data", path, "--baselines", "pixels", "--out", out, *words
    )
    assert ran[0] == 0, ran[2]
    assert "pixels" in ran[1]
    return shown
