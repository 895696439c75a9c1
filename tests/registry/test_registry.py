"""The open door: a file on the path, a file named, an installed distribution; and manners where names clash or files break."""

import dataclasses
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry.registry import GROUP, Registry, usable
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import QUICK, run


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


def test_the_same_file_twice_is_no_clash(tmp_path: Path):
    path = copied("by_rule", tmp_path / "twice.py")
    (tmp_path / "other").symlink_to(tmp_path)
    assert "twice" in Registry([path, tmp_path / "other" / "twice.py"]).baselines


def test_a_data_set_may_bear_the_name_of_a_baseline_and_leaves_it_alone(tmp_path: Path):
    path = tmp_path / "resnet.py"
    path.write_text(
        (ROOT / "tests" / "extension" / "fewshot_extension" / "grey_steps.py").read_text()
    )
    registry = Registry([path])
    assert registry.dataset("resnet").path == path
    assert registry.baseline("resnet").load().__name__ == "ResNet"


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
        UserError, match="family is a family; name one of family:half, family:whole"
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


def test_one_training_serves_every_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FITS_LOG", str(tmp_path / "fits"))
    rules = ["own", "prototype", "whitened"]
    outcome = run(tmp_path / "out", [plugin("counted")], baselines=["counted"], rules=rules)
    assert len((tmp_path / "fits").read_text().splitlines()) == 1
    assert len({record.training.key for record in outcome.records}) == 1
    assert len({record.key for record in outcome.records}) == 6
    # of the test images, and of the train images for the rule that learns from them
    assert len(list((tmp_path / "out" / "embeddings").iterdir())) == 2
    assert outcome.table["rule"].nunique() == 3


def test_rules_are_found_on_the_path_and_no_rule_has_a_name_that_means_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "rules").mkdir()
    cheat = "rule_cheats/queries_look_at_each_other"
    copied(cheat, tmp_path / "rules" / "mine.py")
    copied(cheat, tmp_path / "rules" / "own.py")
    import fewshot_bench.plugins.rules as package

    # the path is read when the package is imported
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "rules")])
    rules = Registry().rules
    assert rules["mine"].load().card.title == "Mine"
    with pytest.raises(UserError, match="own means something else"):
        rules["own"].load()
    with pytest.raises(UserError, match="own means something else"):
        Registry([tmp_path / "rules" / "own.py"])


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
