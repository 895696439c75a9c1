"""The open door: a file on the path, a file named, an installed distribution; and manners where names clash or files break."""

import dataclasses
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest
import torch

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry import loader as imports
from fewshot_bench.registry.registry import GROUP, Plugin, Registry, usable
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import QUICK, run

TINY = ("--shots", "1", "--episodes", "30", "--queries", "3")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the extension of `tests/extension` is really built and installed into."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here, which installs the extension")
    target = tmp_path_factory.mktemp("site")
    words = (
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        target,
        ROOT / "tests" / "extension",
    )
    done = subprocess.run(
        [uv, *map(str, words), "--python", sys.executable], capture_output=True, text=True
    )
    if done.returncode != 0 and "hatchling" in done.stderr:
        pytest.skip("hatchling cannot be had, which builds the extension")
    assert done.returncode == 0, done.stderr
    return target


def bench_with(site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [sys.executable, "-m", "fewshot_bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_an_installed_distribution_brings_a_baseline_and_a_data_set(
    installed: Path, tmp_path: Path
):
    listed = bench_with(installed, "list")
    assert listed.returncode == 0, listed.stderr
    for name in ("brightness", "grey-steps", "Grey steps", "grey-steps-heldout"):
        assert name in listed.stdout
    assert (
        "forgotten (fewshot_extension.forgotten) cannot be used: ModuleNotFoundError"
        in " ".join(listed.stdout.split())
    )
    done = bench_with(installed, "run", "--protocol", "grey-steps-heldout", "--baselines", "brightness,pixels", *TINY,
                      "--out", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "leaderboard.csv").set_index("baseline")
    assert rows.loc["brightness", "accuracy"] > 0.95
    assert rows.loc["brightness", "dataset"] == "grey-steps"


def test_a_folder_on_the_path_brings_a_baseline(tmp_path: Path):
    (tmp_path / "baselines").mkdir()
    shutil.copy(
        ROOT / "tests" / "extension" / "fewshot_extension" / "brightness.py",
        tmp_path / "baselines" / "shine.py",
    )
    environment = {**os.environ, "FEWSHOT_BENCH_PATH": str(tmp_path)}
    words = (
        "run",
        "--baselines",
        "shine",
        *TINY,
        "--set",
        "steel-sim.per_class=20",
        "--set",
        "steel-sim.side=32",
    )
    command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["baseline"].tolist() == ["shine"]


def test_a_taken_name_names_both_files(tmp_path: Path):
    path = copied("by_rule", tmp_path / "pixels.py")
    with pytest.raises(
        UserError, match=r"'pixels' is claimed by .*baselines/pixels.py and by .*pixels.py; rename"
    ) as error:
        Registry([path])
    assert str(path) in str(error.value)


def test_a_name_taken_by_an_installed_distribution_names_both_files(
    monkeypatch: pytest.MonkeyPatch,
):
    entry = EntryPoint("pixels", "tests.extension.fewshot_extension.brightness", GROUP)
    monkeypatch.setattr("fewshot_bench.registry.registry.entry_points", lambda group: [entry])
    with pytest.raises(
        UserError,
        match=r"'pixels' is claimed by \S*baselines/pixels.py and by \S*/brightness.py; rename",
    ):
        Registry()


def test_a_file_that_leaves_is_told_like_one_that_raises(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "leaving.py"
    path.write_text("raise SystemExit('bye')\n")
    status, _, err = bench("list", "--plugin", path)
    assert (status, err) == (2, f"error: {path} cannot be imported: SystemExit: bye\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        "fewshot_bench.registry.registry.entry_points",
        lambda group: [EntryPoint("leaving", "leaving:Some", GROUP)],
    )
    listed = Registry().baselines["leaving"]
    assert listed.error == "entry point leaving (leaving:Some) cannot be used: SystemExit: bye"


def test_a_folder_on_the_path_that_holds_nothing_is_told(tmp_path: Path):
    environment = {**os.environ, "FEWSHOT_BENCH_PATH": f"{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-m", "fewshot_bench", "list"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (
        f"$FEWSHOT_BENCH_PATH names {tmp_path}, which has no folder baselines or episodes"
        in done.stderr
    )


def test_the_same_file_twice_is_no_clash(tmp_path: Path):
    path = copied("by_rule", tmp_path / "twice.py")
    (tmp_path / "other").symlink_to(tmp_path)
    assert "twice" in Registry([path, tmp_path / "other" / "twice.py"]).baselines


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


def test_a_data_set_may_bear_the_name_of_a_baseline_and_leaves_it_alone(tmp_path: Path):
    path = tmp_path / "resnet.py"
    path.write_text(
        (ROOT / "tests" / "extension" / "fewshot_extension" / "grey_steps.py").read_text()
    )
    registry = Registry([path])
    assert registry.dataset("resnet").path == path
    assert registry.baseline("simpleshot").load().__mro__[1].__name__ == "ResNet"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("card = 'x'", "Mine.card is 'x' (allowed: a Card"),
        ("card = Card(title=3, paper='')", "Mine.card is Card(title=3"),
        ("needs = 'numpy'", "Mine.needs is 'numpy' (allowed: (module, extra))"),
        (
            "settings_type = dict",
            "Mine.settings_type is <class 'dict'> (allowed: a subclass of Settings)",
        ),
        ("variants = {'a': int}", "(allowed: a dictionary of subclasses of Baseline)"),
    ],
)
def test_what_a_class_says_of_itself_must_be_understood(
    bench, tmp_path: Path, line: str, told: str
):
    card = '    card = Card(title="Mine", paper="a test")\n'
    path = copied("by_rule", tmp_path / "muddled.py", {card: f"{card}    {line}\n"})
    status, out, _ = bench("list", "--plugin", path)
    assert status == 0
    assert told in " ".join(out.split())
    status, _, err = bench("check", path)
    assert (status, err.count("\n")) == (2, 1)
    assert told in err


@pytest.mark.parametrize("stem", ["my,method", "my:method", "my=method"])
def test_a_file_that_no_command_can_name_is_told(bench, tmp_path: Path, stem: str):
    path = copied("by_rule", tmp_path / f"{stem}.py")
    status, _, err = bench("check", path)
    assert (status, err) == (
        2,
        f"error: {path.name} cannot be named, as {stem[2]} parts the words of a command; rename it\n",
    )


def test_a_file_given_runs_beside_the_standard_ones(tmp_path: Path):
    path = copied("by_rule", tmp_path / "guest.py")
    plan = make_plan(dataclasses.replace(QUICK, baselines=()), Registry([path]))
    names = {training.name for training in plan.trainings}
    assert "guest" in names
    assert names > {"scl_amp", "pixels"}
    assert "supcon" not in names


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UserError, match=r"unknown baseline 'protnet'; did you mean 'protonet'\?"):
        Registry().baseline("protnet")


def test_a_family_is_named_by_its_variants(tmp_path: Path):
    path = plugin("family")
    registry = Registry([path])
    assert registry.baseline("family:half").load().card.title == "Half"
    with pytest.raises(
        UserError, match="family is a family of baselines; name one of family:half, family:whole"
    ):
        registry.baseline("family").load()
    with pytest.raises(UserError, match="unknown variant of family 'hall'; did you mean 'half'"):
        registry.baseline("family:hall").load()
    with pytest.raises(UserError, match="unknown variant of pixels 'half'"):
        registry.baseline("pixels:half").load()
    outcome = run(tmp_path / "out", [path], baselines=["family:half"], shots=[1])
    assert outcome.table["baseline"].tolist() == ["family:half"]
    listed = api.listing([path])
    assert {"family:half", "family:whole"} <= set(listed["name"])
    assert "family" not in set(listed["name"])


def test_what_is_not_installed_is_named_with_its_extra(tmp_path: Path):
    rule = '    rule = "mean_cosine"\n'
    wanting = f'{rule}    needs = ("no_such_module", "some")\n'
    path = copied("by_rule", tmp_path / "wanting.py", {rule: wanting})
    with pytest.raises(
        UserError,
        match=r"wanting needs no_such_module, which is not installed; install fewshot-bench\[some\]",
    ):
        Registry([path]).baseline("wanting").load()
    assert "wanting" not in {found.name for found, _ in usable(Registry([path]).every_baseline())}


def test_one_training_serves_those_it_teaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FITS_LOG", str(tmp_path / "fits"))
    names = ["counted", "pupil"]
    outcome = run(tmp_path / "out", [plugin(name) for name in names], baselines=names)
    assert len((tmp_path / "fits").read_text().splitlines()) == 1
    assert len({record.training["key"] for record in outcome.records}) == 1
    assert len({record.key for record in outcome.records}) == 4
    assert len(list((tmp_path / "out" / "embeddings").iterdir())) == 1
    assert outcome.table["rule"].nunique() == 2


def test_a_pupil_must_derive_from_its_teacher(tmp_path: Path):
    rule = '    rule = "mean_cosine"\n'
    taught = f'{rule}    taught_by = "resnet"\n'
    path = copied("by_rule", tmp_path / "stranger.py", {rule: taught})
    with pytest.raises(UserError, match="Mine is taught by resnet but is no subclass of ResNet"):
        run(tmp_path / "out", [path], baselines=["stranger"])


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


def test_more_ways_than_a_method_can_answer_is_not_applicable(tmp_path: Path):
    path = plugin("slots")
    outcome = run(tmp_path / "out", [path], baselines=["slots", "pixels"], shots=[1])
    rows = outcome.table.set_index("baseline")
    assert rows.loc["slots", "status"] == "not applicable"
    assert pd.isna(rows.loc["slots", "accuracy"])
    assert rows.loc["slots", "note"] == "it has two slots"
    assert not outcome.failed
    assert run(tmp_path / "two", [path], baselines=["slots"], shots=[1], ways=2).table[
        "status"
    ].tolist() == ["ok"]
