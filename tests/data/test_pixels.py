"""Large arrays lie in a file without a name, and everything made of them is the same."""

from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data import pixels
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.pixels import blank_pixels, forget, pieces, pixels_at


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> None:
    """Arrays of more than 1,000 bytes are large, and worked on in parts of 512."""
    monkeypatch.setattr(pixels, "MOST_IN_MEMORY", 1000)
    monkeypatch.setattr(pixels, "PIECE", 512)


def grouped() -> LabelledImages:
    """Pictures of two classes, of which the second comes first, with a copy."""
    images = blank_pixels((20, 3, 8, 8))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    images[7] = images[3]
    labels = [1] * 10 + [0] * 10
    return group_by_class("own", images, labels, ["a", "b"], [str(at) for at in range(20)])


def test_mapped_pixels_are_grouped_and_digested_as_those_in_memory(
    large: None, monkeypatch: pytest.MonkeyPatch
):
    mapped = grouped()
    assert isinstance(mapped.images, np.memmap)
    assert isinstance(mapped.subset(["b"]).images, np.memmap)
    monkeypatch.undo()
    in_memory = grouped()
    assert not isinstance(in_memory.images, np.memmap)
    assert mapped.digest == in_memory.digest
    assert mapped.files == in_memory.files
    assert mapped.dropped == in_memory.dropped == (("7", "3"),)
    assert np.array_equal(mapped.images, in_memory.images)


def test_what_is_forgotten_stays_in_the_file(large: None):
    images = blank_pixels((5, 1, 16, 16))
    images[:] = 7
    forget(images)
    assert (np.concatenate(list(pieces(images))) == 7).all()
    assert (pixels_at(images, [4, 0]) == 7).all()


def test_without_room_on_the_disk_pixels_are_in_memory_and_one_line_says_so(
    large: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixels.os, "posix_fallocate", full, raising=False)
    assert not isinstance(blank_pixels((5, 1, 16, 16)), np.memmap)
    assert "No space left on device" in caplog.text
