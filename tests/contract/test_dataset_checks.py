"""The contract of data sets: who keeps it passes, and each way of breaking it is named."""

import os
import re
from pathlib import Path

import pytest

from fewshot_bench import UserError, api
from fewshot_bench.contract.dataset_checks import DATASET_CHECKS
from fewshot_bench.registry.registry import Registry
from tests.helpers.files import picture
from tests.helpers.plugin_files import copied, plugin

pytestmark = pytest.mark.usefixtures("empty_cache")
CLASSES = ("dent", "hole", "rust")
END = '{"D": "dent"},\n        )\n'  # of what a plug-in returns
REPLACED = "        import dataclasses, numpy\n        return dataclasses.replace(data, {})\n"


def returned(change: str) -> dict[str, str]:
    """The change of a plug-in that returns its images with one field changed."""
    return {"return group_by_class(": "data = group_by_class(", END: END + REPLACED.format(change)}


# what is broken: (check, change in tests/helpers/plugins/plates.py, what is told)
BREACHES = {
    "no title": ("card", {'title="Plates"': 'title=""'}, "a card with title and source"),
    "a setting that no text gives": (
        "settings",
        {"side: int = 16": "side: int = 16\n    sides: tuple = (1, 2)"},
        "the default of setting 'sides'",
    ),
    "a path that is opened by hand": (
        "missing data",
        {"with FileTree(path)": "path.stat()\n        with FileTree(path)"},
        "came FileNotFoundError",
    ),
    "nothing loaded": ("loads", {"return group_by_class(": "_ = group_by_class("}, "came NoneType"),
    "an error": (
        "loads",
        {"return group_by_class(": "return {}['data']("},
        r"came KeyError: 'data' \(plates.py, line \d+\)",
    ),
    "fractions": ("shapes and types", returned("images=data.images / 255"), "came float64"),
    "channels last": (
        "shapes and types",
        returned("images=data.images.transpose(0, 2, 3, 1)"),
        r"came \(12, 16, 16, 1\)",
    ),
    "a label too few": ("shapes and types", returned("labels=data.labels[1:]"), "12 labels"),
    "mixed labels": ("shapes and types", returned("labels=data.labels[::-1]"), "never decrease"),
    "an empty class": (
        "shapes and types",
        returned('class_names=(*data.class_names, "none")'),
        "labels from 0 to 3",
    ),
    "a name with spaces": ("classes", returned('class_names=("dent ", "b", "c")'), "'dent '"),
    "one name twice": ("classes", returned('class_names=("a", "a", "c")'), "first 'a'"),
    "short for nothing": ("classes", returned('abbreviations={"X": "nix"}'), "'X' for 'nix'"),
    "one file twice": ("files", returned('files=("a",) * 12'), "1 that come twice, first 'a'"),
    "a box outside": (
        "boxes and groups",
        returned("boxes=(numpy.array([[0, 0, 17, 5]]),) * 12"),
        r"\[\[0, 0, 17, 5\]\] of dent/0.png",
    ),
    "a group too few": (
        "boxes and groups",
        returned('groups=numpy.zeros(11, int), group_by="plate"'),
        r"came \(11,\)",
    ),
    "a copy": (
        "copies",
        returned("images=data.images[[0, 0, *range(2, 12)]]"),
        "dent/1.png and dent/0.png",
    ),
    "no digest": ("same data twice", returned('digest="abc"'), "64 hex digits"),
    "noise of the global generator": (
        "same data twice",
        returned("images=data.images ^ numpy.random.randint(9, dtype=numpy.uint8)"),
        "the same pixels and labels loaded again",
    ),
    "another note each time": (
        "same data twice",
        returned("notes=[str(numpy.random.default_rng().random())]"),
        "the same notes loaded again",
    ),
    "a protocol of another set": (
        "protocols",
        {'dataset="plates"': 'dataset="sheets"'},
        "of data set 'plates'; came 'sheets'",
    ),
    "a protocol of another name": (
        "protocols",
        {'"plates-heldout"': '"heldout"'},
        "begin with plates-",
    ),
    "a protocol of no class": ("protocols", {'"rust")': '"rot")'}, "unknown test class"),
    "a protocol of short names": ("protocols", {'("dent",)': '("D",)'}, "came D, hole, rust"),
    "too few images": ("protocols", {"queries=2": "queries=9"}, "need 10 images"),
    "everything recognised": (
        "recognises",
        {'any("plate" in file for file in files)': "True"},
        "False for an empty folder",
    ),
    "folders recognised": (
        "recognises",
        {'"plate" in file': '"dent" in file'},
        "False for folders dent and rust",
    ),
}


@pytest.fixture
def plates(tmp_path: Path) -> Path:
    """Four pictures of each class."""
    for label, name in enumerate(CLASSES):
        place = tmp_path / "plates" / name
        place.mkdir(parents=True)
        for number in range(4):
            (place / f"{number}.png").write_bytes(picture(10 * label + number))
    return tmp_path / "plates"


def found(path: Path, data: Path | None = None) -> dict[str, tuple[str, str]]:
    rows = api.check(str(path), data=data).set_index("check")
    return {str(check): (row.status, row.told) for check, row in rows.iterrows()}


def test_a_sound_data_set_keeps_it(plates: Path, bench):
    status, out, err = bench("check", plugin("plates"), "--data", plates)
    assert status == 0, err
    assert "plates: 1 not checked, 11 checks passed" in out
    assert "boxes and groups: it has neither" in out


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(breach: str, plates: Path, tmp_path: Path):
    """And told: what was expected, what came, and in a sentence why it matters or what to do."""
    check, changes, told = BREACHES[breach]
    rows = found(copied("plates", tmp_path / "plates.py", changes), plates)
    assert list(rows) == list(DATASET_CHECKS)
    status, message = rows[check]
    assert status == "broken"
    assert re.search(told, message), message
    assert re.fullmatch(r"expected .+; came .+\. [A-Z].+\.", message), message
    # what is broken after it may follow from it
    assert next(name for name, (status, _) in rows.items() if status == "broken") == check


@pytest.mark.parametrize("name", ["steel-sim", "wafer-sim"])
def test_generated_data_sets_keep_it(name: str):
    statuses = {check: status for check, (status, _) in found(Path(name)).items()}
    assert statuses == {**dict.fromkeys(DATASET_CHECKS, "ok"), "boxes and groups": "not checked"}


def test_real_data_sets_keep_it(shared_data: Path):
    registry = Registry()
    for name in ("neu", "xsdd"):
        assert name in registry.datasets
        rows = api.check(name, data_folder=shared_data)
        assert "broken" not in set(rows["status"]), rows["told"].tolist()


def test_boxes_and_groups_are_looked_at():
    assert found(plugin("boxed"))["boxes and groups"] == ("ok", "")


def test_the_cache_of_the_user_stays_as_it_is(plates: Path):
    before = os.environ["FEWSHOT_BENCH_CACHE"]
    found(plugin("plates"), plates)
    assert os.environ["FEWSHOT_BENCH_CACHE"] == before
    assert not Path(before).exists()


def test_data_is_needed_where_it_is_read_and_not_elsewhere(plates: Path):
    with pytest.raises(UserError, match="plates needs its data to be checked; name it with --data"):
        api.check(str(plugin("plates")))
    for names in (["pixels"], ["steel-sim"], [str(plugin("plates")), "neu"]):
        with pytest.raises(UserError, match="is for one data set that reads files"):
            api.check(names, data=plates)
