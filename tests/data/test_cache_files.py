"""The cache keeps within its bound, drops nothing that is in use, and says what it does."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data import cache_files
from fewshot_bench.data.cache import cached_images, contents
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import UserError

HOLDER = """
import sys
from fewshot_bench.data.cache import cached_images
data = cached_images([sys.argv[1]], lambda: sys.exit("it is not there"))
print("holds", flush=True)
sys.stdin.read()
assert data.images.sum() >= 0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, whose bound holds three data sets of 60 kB and what belongs to them."""
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "200 KB")
    monkeypatch.setattr(cache_files, "_told", set())
    return tmp_path / "cache"


def images(seed: int) -> LabelledImages:
    """Of 60 kB."""
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 1, 32, 32), dtype=np.uint8)
    names = [str(number) for number in range(60)]
    return group_by_class(f"set{seed}", pixels, [0] * 60, ["a"], names)


def stored(key: str, seed: int, age: float = 0) -> None:
    """Keep a data set in the cache, and let nobody use it. age: in days."""
    cached_images([key], lambda: images(seed))
    stamp = time.time() - age * cache_files.DAY
    for entry in cache_files.entries():
        if contents_of(entry) == f"set{seed}":
            for path in entry.paths:
                os.utime(path, (stamp, stamp))


def contents_of(entry: cache_files.Entry) -> str:
    return next(content.dataset for content in contents() if content.entry == entry)


def names() -> list[str]:
    return [content.dataset for content in contents()]


def test_what_was_used_least_recently_is_dropped_and_told(caplog: pytest.LogCaptureFixture):
    for seed in range(3):
        stored(str(seed), seed, age=9 - seed)
    assert names() == ["set0", "set1", "set2"]
    assert not caplog.messages
    cached_images(["0"], lambda: pytest.fail("it is there"))  # now set1 was used least recently
    stored("3", 3)
    assert sorted(names()) == ["set0", "set2", "set3"]
    (line,) = caplog.messages
    assert "may take 200.0 KB ($FEWSHOT_BENCH_CACHE_SIZE): dropped 1 of its entries" in line
    assert sum(entry.size for entry in cache_files.entries()) <= cache_files.size_bound()


def test_what_another_process_uses_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    stored("old", 0, age=30)
    words = [sys.executable, "-c", HOLDER, "old"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "holds\n"
        stored("new", 1)
        (path,) = cache_files.entries()[0].paths[:1]
        monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "70 KB")
        cache_files.keep_within_bound()
        assert names() == ["set0"]
        monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "1 KB")
        cache_files.keep_within_bound()
        assert "what runs are using takes 6" in caplog.messages[-1]
        dropped, kept = cache_files.clear()
        assert (len(dropped), len(kept)) == (0, 1)
        holder.stdin.close()
        assert holder.wait() == 0
    dropped, kept = cache_files.clear()
    assert (len(dropped), len(kept)) == (1, 0)
    assert not path.exists()


def test_clearing_by_age_leaves_other_files_alone(folder: Path):
    stored("old", 0, age=30)
    stored("new", 1, age=1)
    others = [folder / "thesis.npz", folder / "features" / "notes.safetensors"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [len(group) for group in cache_files.clear(older_than=7)] == [1, 0]
    assert names() == ["set1"]
    assert [len(group) for group in cache_files.clear()] == [1, 0]
    assert all(path.exists() for path in others)
    assert not names()


def test_what_is_larger_than_the_bound_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "0")
    cached_images(["x"], lambda: images(0))
    assert not names()
    assert "set0 takes 61.4 KB and is not kept in the cache" in caplog.messages[0]


def test_a_disk_without_locks(monkeypatch: pytest.MonkeyPatch):
    def refuse(file: object, kind: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(cache_files.fcntl, "flock", refuse)
    stored("old", 0, age=1)
    stored("new", 1)
    assert [len(group) for group in cache_files.clear()] == [1, 1]
    assert names() == ["set1"]


def test_a_cache_that_cannot_be_written_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    for seed in range(2):
        assert cached_images(["x"], lambda seed=seed: images(seed)).name == f"set{seed}"
    (line,) = caplog.messages
    assert "cannot be written (Not a directory)" in line
    assert "$FEWSHOT_BENCH_CACHE" in line


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 10**10),
        ("1000", 1000),
        ("20 GB", 2 * 10**10),
        ("1.5g", 15 * 10**8),
        ("2GiB", 2**31),
        ("500 m", 5 * 10**8),
    ],
)
def test_sizes(monkeypatch: pytest.MonkeyPatch, text: str, size: int):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", text)
    assert cache_files.size_bound() == size


def test_a_size_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE_SIZE", "plenty")
    with pytest.raises(UserError, match=r"CACHE_SIZE 'plenty' is no size .*such as 20 GB"):
        cached_images(["x"], lambda: pytest.fail("before anything is done"))


def test_without_a_handler_it_is_a_line_on_standard_error():
    code = "from fewshot_bench.data.cache_files import tell_once; tell_once('a'); tell_once('a')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "a\n")
    assert logging.getLogger("fewshot_bench").handlers == []
