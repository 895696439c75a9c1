"""Whatever is put in, there is a result or one clear line: no traceback, no hang, nothing half written.

`FEWSHOT_BENCH_EXAMPLES=2000 uv run pytest tests/end_to_end/test_bad_input.py` tries 2,000 examples a test. A plain
`uv run pytest` tries 8, with the slow tests 40.
"""

import contextlib
import io
import json
import random
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewshot_bench import api
from fewshot_bench.request import Request
from tests.helpers.command_line import SHORT, SMALL_IMAGES, assert_well_ended, bench, words_of
from tests.helpers.files import archive, classes
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run

pytestmark = pytest.mark.usefixtures("empty_cache")


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A way to damage bytes: some flipped, cut out, doubled, put in, or the end missing."""
    how, seed = (
        draw(st.sampled_from(["flip", "cut", "double", "insert", "truncate", "zero"])),
        draw(st.integers(0, 2**32)),
    )

    def damaged(content: bytes) -> bytes:
        rng, data = random.Random(seed), bytearray(content)
        at, length = rng.randrange(len(data) + 1), 1 + int(rng.random() ** 3 * min(len(data), 4000))
        if how == "flip":
            for _ in range(rng.choice((1, 3, 30))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif how == "cut":
            del data[at : at + length]
        elif how == "double":
            data[at:at] = data[at : at + length]
        elif how == "insert":
            data[at:at] = rng.randbytes(length)
        elif how == "truncate":
            del data[at:]
        else:
            data[at : at + length] = bytes(len(data[at : at + length]))
        return bytes(data)

    return damaged


@given(how=damage())
def test_damaged_archives(tmp_path: Path, how: Callable[[bytes], bytes]):
    path = archive(tmp_path / "images.zip", classes())
    path.write_bytes(how(path.read_bytes()))
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    status, err = bench(
        *words_of("run --dataset folder --data"),
        path,
        "--ways",
        "2",
        *SHORT,
        "--out",
        tmp_path / "out",
    )
    assert_well_ended(status, err)
    if status == 2:
        assert not list(tmp_path.glob("out/**/*.json")), "a run that could not be is half there"


@given(how=damage())
def test_damaged_archives_of_another_compression(tmp_path: Path, how: Callable[[bytes], bytes]):
    path = archive(tmp_path / "images.zip", classes(2, 3), compression=zipfile.ZIP_LZMA)
    path.write_bytes(how(path.read_bytes()))
    assert_well_ended(*bench("data", path, "--dataset", "folder"))


@pytest.mark.parametrize(
    "broken", [b"{'descr': '|u1', 'fortran_order': False, 'shape': (3, }", b"{'descr'", b"((("]
)
def test_arrays_with_headers_that_are_no_python(tmp_path: Path, broken: bytes):
    header = broken.ljust(118 - 1) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(3)
    path = archive(tmp_path / "episodes.npz", {"about.npy": array})
    status, err = bench("run", *SMALL_IMAGES, "--episodes-file", path, "--out", tmp_path / "out")
    assert status == 2
    assert_well_ended(status, err)


@given(
    how=damage(),
    kind=st.sampled_from(["PNG", "BMP", "JPEG", "TIFF", "WEBP"]),
    mode=st.sampled_from(["L", "RGB"]),
)
def test_damaged_images(tmp_path: Path, how: Callable[[bytes], bytes], kind: str, mode: str):
    suffix = {"JPEG": "jpg", "TIFF": "tif"}.get(kind, kind.lower())
    members = classes(2, 3, suffix=suffix, form=kind, mode=mode)
    members[f"c0/0.{suffix}"] = how(members[f"c0/0.{suffix}"])
    assert_well_ended(
        *bench("data", archive(tmp_path / "images.zip", members), "--dataset", "folder")
    )


def wafers(maps: int = 4) -> bytes:
    rng, file = np.random.default_rng(0), io.BytesIO()
    labels = np.zeros((maps, 8), dtype=np.int32)
    labels[maps // 2 :, 0] = 1
    np.savez_compressed(
        file, arr_0=rng.integers(0, 3, (maps, 52, 52), dtype=np.int32), arr_1=labels
    )
    return file.getvalue()


@given(how=damage())
def test_damaged_wafer_maps(tmp_path: Path, how: Callable[[bytes], bytes]):
    path = tmp_path / "maps.npz"
    path.write_bytes(how(wafers()))
    assert_well_ended(*bench("data", path, "--dataset", "mixedwm38"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished run, with records of both kinds of protocol, a checkpoint and an episodes file."""
    out = tmp_path_factory.mktemp("finished") / "out"
    for asked in (
        {"shots": [1], "baselines": ["pixels", "siamese"], "budget": 64},
        {"train_per_class": [5], "runs": 2},
    ):
        free = {"shots": None, "queries": None, "episodes": None} if "runs" in asked else {}
        run(out, **{"baselines": ["pixels"], **free, **asked})
    return out


@contextlib.contextmanager
def put(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def all_readers(out: Path) -> None:
    for words in (("leaderboard",), ("compare", "--reference", "pixels"), ("show",)):
        assert_well_ended(*bench(*words, "--out", out))


@given(how=damage(), which=st.integers(0, 99))
def test_damaged_records_and_answers(finished: Path, how: Callable[[bytes], bytes], which: int):
    found = sorted(path for path in (finished / "records").rglob("*") if path.is_file())
    path = found[which % len(found)]
    with put(path, how(path.read_bytes())):
        all_readers(finished)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.just([[0, 2**40]]), st.just("../../../x"), st.just({"1": 2}),
)  # fmt: skip


@given(
    leaf=LEAVES,
    where=st.lists(st.integers(0, 50), min_size=1, max_size=4),
    which=st.integers(0, 99),
    gone=st.booleans(),
)
def test_records_with_other_values(
    finished: Path, leaf: object, where: list[int], which: int, gone: bool
):
    found = sorted((finished / "records").rglob("*.json"))
    path = found[which % len(found)]
    record = json.loads(path.read_text())
    part = record
    for depth, step in enumerate(where, start=1):
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = keys[step % len(keys)]
        if not isinstance(part[key], (dict, list)) or not part[key] or depth == len(where):
            break
        part = part[key]
    if gone:
        del part[key]
    else:
        part[key] = leaf
    with put(path, json.dumps(record).encode()):
        all_readers(finished)


def test_a_record_of_the_future_says_what_to_do(finished: Path):
    path = sorted((finished / "records").rglob("*.json"))[0]
    record = json.loads(path.read_text()) | {"schema": 99, "more": "fields"}
    with put(path, json.dumps(record).encode()):
        status, err = bench("leaderboard", "--out", finished)
    assert status == 2
    assert "its schema 99 is newer than 2; update fewshot-bench" in err


@given(how=damage(), which=st.integers(0, 99))
def test_damaged_checkpoints_and_features(
    finished: Path, how: Callable[[bytes], bytes], which: int
):
    found = sorted(
        path
        for name in ("trainings", "embeddings", "pairs")
        for path in (finished / name).iterdir()
    )
    path = found[which % len(found)]
    small = (
        *words_of("--set steel-sim.per_class=24 --set steel-sim.side=32 --queries 5 --episodes 61"),
    )
    with put(path, how(path.read_bytes())):
        status, err = bench(
            "run",
            *small,
            *words_of("--shots 1 --budget 64 --baselines siamese --out"),
            finished,
            "--device",
            "cpu",
        )
        assert_well_ended(status, err)
    for path in (finished / "records").rglob("*siamese*/*"):
        if json.loads(path.read_text())["episodes"] == 61 if path.suffix == ".json" else False:
            path.with_suffix(".npz").unlink(missing_ok=True)
            path.unlink()


@given(how=damage())
def test_damaged_episode_files(tmp_path: Path, how: Callable[[bytes], bytes]):
    path = tmp_path / "episodes.npz"
    if not path.exists():
        sizes = {"steel-sim.per_class": "20", "steel-sim.side": "32"}  # those of SMALL_IMAGES
        api.episodes(Request(shots=[1], episodes=5, queries=2, settings=sizes), path)
        shutil.copy(path, tmp_path / "whole.npz")
    path.write_bytes(how((tmp_path / "whole.npz").read_bytes()))
    words = ("run", *SMALL_IMAGES, "--episodes-file", path, "--baselines", "pixels")
    assert_well_ended(*bench(*words, "--out", tmp_path / "out"))


@given(how=damage())
def test_damaged_plugins(tmp_path: Path, how: Callable[[bytes], bytes]):
    path = tmp_path / "mine.py"
    whole = plugin("by_rule").read_bytes()
    assert b"import os" not in whole
    path.write_bytes(how(whole))
    sys.modules.pop("fewshot_bench.plugins.baselines.mine", None)
    try:
        assert_well_ended(*bench("list", "--plugin", path))
    finally:
        sys.modules.pop("fewshot_bench.plugins.baselines.mine", None)


OPTIONS = words_of(
    "--dataset --data --ways --shots --queries --episodes --episode-seed --protocol "
    "--train-per-class --train-fraction --runs --test-images --splits --baselines --preset "
    "--encoder --weights --image-size --budget --set --seeds --device --reference "
    "--train-classes --test-classes --plugin --nonsense"
)
VALUES = st.one_of(
    st.text(max_size=12), st.integers(-(10**20), 10**20).map(str), st.floats().map(str),
    st.sampled_from(["all", "", ",", "1,,2", "0", "-1", "nan", "1e3", "Pa,Pa", "resnet", "pixels,pixels", "a=b", "pixels.side=0",
                     "pixels.side=x", "scl_amp.tau=1", "..", "/dev/null", "/", "steel-sim", "neu-small", "easyfsl", "easyfsl:x"]),
)  # fmt: skip


@given(chosen=st.lists(st.tuples(st.sampled_from(OPTIONS), VALUES), min_size=1, max_size=3))
def test_any_arguments(tmp_path: Path, chosen: list[tuple[str, str]]):
    """Over a run that is small unless the arguments say otherwise; numbers that would make it long are cut."""
    words = [
        word
        for option, value in chosen
        for word in (option, _short(option, value.replace("\0", "")))
    ]
    small = ("--set", "steel-sim.per_class=8", "--set", "steel-sim.side=32")
    given_options = {option for option, _ in chosen}
    few = [
        word
        for pair in zip(SHORT[::2], SHORT[1::2], strict=True)
        if pair[0] not in given_options
        for word in pair
    ]
    if given_options & {
        "--protocol",
        "--train-per-class",
        "--train-fraction",
        "--runs",
        "--test-images",
    }:
        few = ["--baselines", "pixels"] if "--baselines" not in given_options else []
    assert_well_ended(*bench("run", *small, *few, *words, "--out", tmp_path / "out"))


def _short(option: str, value: str) -> str:
    if (
        option in ("--episodes", "--runs", "--seeds", "--queries", "--budget")
        and value.lstrip("-").isdecimal()
    ):
        return str(int(value) % 7 - 2)
    if option == "--baselines" and value in ("all", "resnet"):
        return "lbp"
    return "quick" if option == "--preset" and value == "paper" else value


def test_the_readers_of_a_finished_run_agree_with_what_was_written(finished: Path):
    """What the tests above damage is whole again after them."""
    table = api.leaderboard(finished)
    assert set(table["status"]) == {"ok"}
    assert Request().preset == "quick"
