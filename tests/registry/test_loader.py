"""The code of a plug-in: executed again when it was edited, and what belongs to it."""

import collections
import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.plugins import PREFIX
from fewshot_bench.registry import loader, parts
from fewshot_bench.registry.loader import Loader
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import SMALL, run
from tests.helpers.unpickled import features


@pytest.fixture(autouse=True)
def no_plugins_left() -> Iterator[None]:
    """Files that a test loads are unknown to the next one; those of the project stay."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = parts.file_of(sys.modules[name])
        is_of_project = file.parent in (ROOT / "baselines", ROOT / "episodes")
        is_package = file.stem == "__init__"
        if name.startswith(PREFIX) and not is_of_project and not is_package:
            loader.bind_name(name, None)


def test_an_edited_file_is_executed_anew_and_is_another_method(tmp_path: Path):
    """In one process, as in a notebook: what was recorded is of the code that answered."""
    path = copied("by_rule", tmp_path / "edited.py")
    first = run(tmp_path / "out", [path], baselines=["edited"])
    path.write_text(
        path.read_text().replace("images.float()", "images.float() * 0 + torch.rand(images.shape)")
    )
    again = run(tmp_path / "out", [path], baselines=["edited"])
    assert not {record.key for record in first.records} & {record.key for record in again.records}
    assert first.records[0].baseline.sha256 != again.records[0].baseline.sha256
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
    loaded = Loader().load("fewshot_bench.plugins.baselines.lean", path)
    assert loaded.code.path == path
    assert loaded.code.foundations == ()
    loaded.module.__file__ = "/lean.py"
    for name in ("json", "torch", "fewshot_bench.seeds"):
        assert not parts._belongs_to(sys.modules[name], loaded.module)


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
    before = Registry([base, derived]).baseline("derived").sha256
    base.write_text(base.read_text() + "# edited\n")
    assert Registry([base, derived]).baseline("derived").sha256 != before


def test_an_edit_is_seen_by_those_that_import_the_module_from_its_package(tmp_path: Path):
    base = copied("by_rule", tmp_path / "bedrock.py")
    derived = tmp_path / "upper.py"
    derived.write_text(
        "from fewshot_bench.plugins.baselines import bedrock\n\n"
        "class Upper(bedrock.Mine):\n    pass\n"
    )
    assert Registry([base, derived]).baseline("upper").load().rule == "mean_cosine"
    base.write_text(base.read_text().replace("mean_cosine", "prototype"))
    assert Registry([base, derived]).baseline("upper").load().rule == "prototype"


def test_all_that_a_file_stands_on_is_executed_before_it(tmp_path: Path):
    """In whatever order it imports them: these lie in no folder where Python would look."""
    lowest = copied("by_rule", tmp_path / "lowest.py")
    middle = tmp_path / "middle.py"
    middle.write_text(
        "from fewshot_bench.plugins.baselines.lowest import Mine\n\nclass Middle(Mine):\n    pass\n"
    )
    top = tmp_path / "top.py"
    top.write_text(
        "from fewshot_bench.plugins.baselines import lowest\n"
        "from fewshot_bench.plugins.baselines.middle import Middle\n\n"
        "class Top(Middle):\n    rule = lowest.Mine.rule\n"
    )
    Registry([lowest, middle, top])
    lowest.write_text(lowest.read_text().replace("mean_cosine", "prototype"))
    loaded = Loader().load(f"{PREFIX}baselines.top", top)
    assert loaded.module.Top.rule == "prototype"
    assert [code.path for code in loaded.code.foundations] == [lowest, middle]


def test_what_a_broken_edit_replaces_stays(tmp_path: Path):
    path = copied("by_rule", tmp_path / "sturdy.py")
    sturdy = Registry([path]).baseline("sturdy").load()
    text = path.read_text()
    path.write_text(text + "syntax error")
    with pytest.raises(UserError, match="SyntaxError"):
        Registry([path])
    assert sys.modules[sturdy.__module__].Mine is sturdy
    path.write_text(text)
    assert Registry([path]).baseline("sturdy").load() is sturdy


@pytest.fixture
def executions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A line for each execution of a plug-in named `logged...`: the name of its module."""
    log = tmp_path / "executions"
    monkeypatch.setenv("EXECUTIONS_LOG", str(log))
    return log


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[str]:
    """How often each file of code was read and hashed, by its stem."""
    counts: collections.Counter[str] = collections.Counter()

    def counted(path: Path) -> parts.Source:
        counts[path.stem] += 1
        return parts.read_source(path)

    monkeypatch.setattr(loader, "read_source", counted)
    return counts


def test_a_baseline_given_as_a_file_is_read_and_executed_once(
    executions: Path, reads: collections.Counter[str]
):
    registry = Registry([plugin("logged")])
    for _ in range(2):
        found = registry.baseline("logged")
        assert found.load().rule == "mean_cosine"
        assert found.sha256 == found.code.sha256
    assert executions.read_text().splitlines() == [f"{PREFIX}baselines.logged"]
    assert reads == {"logged": 1}
    Registry([plugin("logged")])
    assert len(executions.read_text().splitlines()) == 1, "nothing has changed"
    assert reads == {"logged": 2}


def test_a_data_set_given_as_a_file_is_read_and_executed_once(
    executions: Path, reads: collections.Counter[str]
):
    registry = Registry([plugin("logged_grey")])
    assert registry.dataset("logged-grey").load().card.title == "Grey"
    assert executions.read_text().splitlines() == [f"{PREFIX}episodes.logged_grey"]
    assert reads == {"logged_grey": 1}
    assert f"{PREFIX}baselines.logged_grey" not in sys.modules


def test_a_data_set_whose_text_does_not_say_so_is_executed_under_its_name_in_the_end(
    executions: Path, tmp_path: Path
):
    changes = {"class Grey(DataSet)": "Hidden = DataSet\n\n\nclass Grey(Hidden)"}
    path = copied("logged_grey", tmp_path / "logged_hidden.py", changes)
    grey = Registry([path]).dataset("logged-hidden").load()
    assert grey.__module__ == f"{PREFIX}episodes.logged_hidden"
    modules = [f"{PREFIX}baselines.logged_hidden", f"{PREFIX}episodes.logged_hidden"]
    assert executions.read_text().splitlines() == modules
    assert modules[0] not in sys.modules


def test_a_file_that_defines_both_is_a_baseline(tmp_path: Path, executions: Path):
    path = tmp_path / "logged_both.py"
    path.write_text(plugin("logged_grey").read_text() + plugin("logged").read_text())
    registry = Registry([path])
    assert "logged_both" in registry.baselines
    assert "logged-both" not in registry.datasets


def test_a_plan_of_two_baselines_reads_each_file_once(reads: collections.Counter[str]):
    request = Request(baselines=["simpleshot", "pixels"], settings=SMALL, preset="scratch")
    plan = make_plan(request, Registry())
    assert plan.baselines == ["resnet+centred", "pixels"]
    assert set(reads.values()) == {1}
    baselines = {path.stem for path in (ROOT / "baselines").glob("*.py")}
    assert baselines & set(reads) == {"simpleshot", "resnet", "pixels"}


def test_a_broken_file_is_executed_once(tmp_path: Path, executions: Path):
    path = copied("logged", tmp_path / "logged_broken.py")
    path.write_text(path.read_text() + "\nraise ValueError('broken')\n")
    plugins = Loader()
    for _ in range(2):
        with pytest.raises(UserError, match="cannot be imported: ValueError: broken"):
            plugins.load(f"{PREFIX}baselines.logged_broken", path)
    assert len(executions.read_text().splitlines()) == 1


def elsewhere(registry: Registry, names: list[str], folder: Path) -> tuple[object, object]:
    """Features of these baselines in this process and in another one, by name."""
    here, pickles = {}, {}
    for name in names:
        found = registry.baseline(name)
        baseline_class = found.load()
        settings = baseline_class.settings_type()
        pickles[name] = pickle.dumps([found.code, baseline_class, settings])
        here[name] = features(baseline_class, settings)
    file = folder / "pickles"
    file.write_bytes(pickle.dumps(pickles))
    command = [sys.executable, "-m", "tests.helpers.unpickled", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return here, json.loads(done.stdout)


def test_another_process_makes_plugins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It finds none of them by itself: one is in a folder that it does not search."""
    package = importlib.import_module(f"{PREFIX}baselines")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    copied("levels", tmp_path / "in_a_folder.py")
    registry = Registry([plugin("by_rule"), plugin("scaled"), plugin("family")])
    names = ["scaled", "by_rule", "in_a_folder", "family:half"]
    here, there = elsewhere(registry, names, tmp_path)
    assert there == here


@pytest.mark.slow
def test_another_process_makes_a_baseline_with_a_network_again(tmp_path: Path):
    here, there = elsewhere(Registry(), ["amp"], tmp_path)
    assert there == here


def test_a_helper_beside_the_file_is_made_again_too(helped: tuple[Path, Path]):
    path, helper = helped
    code = Registry([path]).baseline("helped").code
    assert [part.path for part in code.foundations] == [helper]
    pickled = pickle.dumps(code)
    loader.bind_name(code.module, None)
    loader.bind_name("helper_of_its_own", None)
    sys.path.remove(str(path.parent))  # another process may search other folders
    pickle.loads(pickled)
    assert sys.modules[code.module].LENGTH == 5


@pytest.mark.parametrize("event", ["has changed", "is gone"])
def test_another_process_takes_no_other_code_for_that_of_the_plan(tmp_path: Path, event: str):
    path = copied("by_rule", tmp_path / "fleeting.py")
    pickled = pickle.dumps(Registry([path]).baseline("fleeting").code)
    if event == "is gone":
        path.unlink()
    else:
        path.write_text(path.read_text() + "# edited\n")
    loader.bind_name(f"{PREFIX}baselines.fleeting", None)  # as in a process that is new
    with pytest.raises(UserError) as error:
        pickle.loads(pickled)
    assert str(error.value) == f"{path} {event} since the plan was made; run the command again"
    assert f"{PREFIX}baselines.fleeting" not in sys.modules


def test_code_that_was_executed_again_since_is_not_taken_for_the_old(tmp_path: Path):
    path = copied("by_rule", tmp_path / "moving.py")
    pickled = pickle.dumps(Registry([path]).baseline("moving").code)
    assert pickle.loads(pickled).path == path
    path.write_text(path.read_text() + "# edited\n")
    Registry([path])
    with pytest.raises(UserError, match=r"moving.py has changed since the plan was made"):
        pickle.loads(pickled)
