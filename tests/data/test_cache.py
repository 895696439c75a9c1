"""Decoded data sets are cached, and a damaged cache is replaced."""

from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder
from PIL import Image

from tests.helpers.files import image_folder


def test_a_decoded_data_set_is_cached_and_a_damaged_cache_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    place = image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    first = Folder().load(place)
    (cache,) = (tmp_path / "cache").glob("*.npz")
    made = cache.stat().st_mtime_ns
    assert Folder().load(place).digest == first.digest
    assert cache.stat().st_mtime_ns == made
    cache.write_bytes(cache.read_bytes()[:100])
    assert Folder().load(place).digest == first.digest
    Image.fromarray(np.full((8, 8), 99, dtype=np.uint8)).save(place / "a" / "0.png")
    assert Folder().load(place).digest != first.digest


def test_copies_and_contradictions_come_back_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    place = image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    for copy in ("a/copy.png", "b/copy.png"):
        (place / copy).write_bytes((place / "a" / "0.png").read_bytes())
    (place / "b" / "2.png").write_bytes((place / "b" / "1.png").read_bytes())
    first = Folder().load(place)
    again = Folder().load(place)
    assert len(first.contradictions[0]) == 3
    assert again.contradictions == first.contradictions
    assert again.dropped == first.dropped == (("b/2.png", "b/1.png"),)


def test_pixels_are_mapped_and_stored_as_numpy_stores_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    place = image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    first = Folder().load(place)
    assert isinstance(first.images, np.memmap)
    (stored,) = (tmp_path / "cache").glob("*.npy")
    np.save(tmp_path / "same.npy", np.array(first.images))
    assert stored.read_bytes() == (tmp_path / "same.npy").read_bytes()
