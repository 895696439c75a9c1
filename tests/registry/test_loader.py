"""The code of a plug-in: executed again when it was edited, and what belongs to it."""

import os
import sys
from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.registry import loader as imports
from fewshot_bench.registry.registry import Plugin, Registry
from tests.helpers.plugin_files import copied
from tests.helpers.runs import run


def test_an_edited_file_is_executed_anew_and_is_another_method(tmp_path: Path):
    """In one process, as in a notebook: what was recorded is of the code that answered."""
    path = copied("by_rule", tmp_path / "edited.py")
    first = run(tmp_path / "out", [path], baselines=["edited"])
    path.write_text(
        path.read_text().replace("images.float()", "images.float() * 0 + torch.rand(images.shape)")
    )
    again = run(tmp_path / "out", [path], baselines=["edited"])
    assert not {record.key for record in first.records} & {record.key for record in again.records}
    assert first.records[0].baseline["sha256"] != again.records[0].baseline["sha256"]
    assert [record.status for record in again.records] == ["failed"] * 2, (
        "the new code depends on its batch"
    )
    path.write_text(path.read_text() + "syntax error")
    with pytest.raises(UserError, match=r"edited.py cannot be imported: SyntaxError"):
        api.check([str(path)])


@pytest.fixture
def helped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A baseline, and the helper beside it that says how long its features are."""
    helper = tmp_path / "helper_of_its_own.py"
    helper.write_text("LENGTH = 5\n")
    path = copied("by_rule", tmp_path / "helped.py", {"::7]": ":LENGTH]"})
    path.write_text("from helper_of_its_own import LENGTH\n" + path.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    yield path, helper
    sys.modules.pop("helper_of_its_own", None)


def test_an_edited_helper_makes_another_method_too(helped: tuple[Path, Path]):
    path, helper = helped
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)

    def now() -> tuple[str, int]:
        found = Registry([path]).baseline("helped")
        return found.sha256, found.load()().embed(images).shape[1]

    before = now()
    assert before == now()
    helper.write_text("LENGTH = 50 - 1\n")
    after = now()
    assert (before[1], after[1]) == (5, 49)
    assert before[0] != after[0]
    helper.write_text("LENGTH = 5\n")
    assert now()[0] == before[0]


def test_an_edit_within_a_second_that_keeps_the_length_counts(tmp_path: Path):
    path = copied("by_rule", tmp_path / "swift.py")
    lengths = []
    for step in (7, 9):
        path.write_text(path.read_text().replace("::7]", f"::{step}]"))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        lengths.append(
            Registry([path]).baseline("swift").load()().embed(torch.zeros(1, 1, 8, 8)).shape[1]
        )
    assert lengths == [10, 8]


def test_what_python_and_others_bring_is_no_part_of_a_method(tmp_path: Path):
    """Wherever the file lies: in a home folder that holds Python too, say."""
    path = copied("by_rule", tmp_path / "lean.py")
    loaded = imports.load("fewshot_bench.plugins.baselines.lean", path)
    assert [part.path for part in loaded.parts] == [path]
    vars(loaded.module)["__file__"] = "/lean.py"
    assert not any(
        imports._own(sys.modules[name], loaded.module)
        for name in ("json", "torch", "fewshot_bench.seeds")
    )


def test_a_baseline_follows_the_file_it_derives_from(tmp_path: Path):
    base = copied("by_rule", tmp_path / "ground.py")
    derived = tmp_path / "above.py"
    derived.write_text(
        "from fewshot_bench.plugins.baselines.ground import Mine\n\nclass Above(Mine):\n    pass\n"
    )
    assert Registry([base, derived]).baseline("above").load().rule == "mean_cosine"
    base.write_text(base.read_text().replace("mean_cosine", "prototype"))
    registry = Registry([base, derived])
    assert registry.baseline("above").load().rule == "prototype"
    assert issubclass(registry.baseline("above").load(), registry.baseline("ground").load())


def test_the_digest_of_a_method_covers_the_files_it_derives_from(tmp_path: Path):
    base = copied("by_rule", tmp_path / "basis.py")
    derived = tmp_path / "derived.py"
    derived.write_text(
        "from fewshot_bench.plugins.baselines.basis import Mine as Basis\n\nclass Derived(Basis):\n    pass\n"
    )
    registry = Registry([base, derived])
    before = registry.baseline("derived").sha256
    base.write_text(base.read_text() + "# edited\n")
    assert registry.baseline("derived").sha256 != before
    assert isinstance(registry.baseline("derived"), Plugin)
