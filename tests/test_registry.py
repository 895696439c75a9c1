"""The open door: a file on the path, a file named, an installed distribution; and manners where names clash or files break."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.registry import Plugin, Registry, usable

from .conftest import ROOT
from .test_runner import CAPABILITIES, EMBED, plugin, run

TINY = ("--shots", "1", "--episodes", "30", "--queries", "3")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the extension of `tests/extension` is really built and installed into."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here, which installs the extension")
    target = tmp_path_factory.mktemp("site")
    words = ("pip", "install", "--quiet", "--no-deps", "--target", target, ROOT / "tests" / "extension")
    done = subprocess.run([uv, *map(str, words), "--python", sys.executable], capture_output=True, text=True)
    if done.returncode != 0 and "hatchling" in done.stderr:
        pytest.skip("hatchling cannot be had, which builds the extension")
    assert done.returncode == 0, done.stderr
    return target


def bench_with(site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [sys.executable, "-m", "fewshot_bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_an_installed_distribution_brings_a_baseline_and_a_data_set(installed: Path, tmp_path: Path):
    listed = bench_with(installed, "list")
    assert listed.returncode == 0, listed.stderr
    for name in ("brightness", "grey-steps", "Grey steps", "grey-steps-heldout"):
        assert name in listed.stdout
    assert "forgotten (fewshot_extension.forgotten) cannot be used: ModuleNotFoundError" in " ".join(listed.stdout.split())
    done = bench_with(installed, "run", "--protocol", "grey-steps-heldout", "--baselines", "brightness,pixels", *TINY,
                      "--out", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "leaderboard.csv").set_index("baseline")
    assert rows.loc["brightness", "accuracy"] > 0.95
    assert rows.loc["brightness", "dataset"] == "grey-steps"


def test_a_folder_on_the_path_brings_a_baseline(tmp_path: Path):
    (tmp_path / "baselines").mkdir()
    shutil.copy(ROOT / "tests" / "extension" / "fewshot_extension" / "brightness.py", tmp_path / "baselines" / "shine.py")
    environment = {**os.environ, "FEWSHOT_BENCH_PATH": str(tmp_path)}
    words = ("run", "--baselines", "shine", *TINY, "--set", "steel-sim.per_class=20", "--set", "steel-sim.side=32")
    command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["baseline"].tolist() == ["shine"]


def test_a_taken_name_names_both_files(tmp_path: Path):
    path = plugin(tmp_path, "pixels", CAPABILITIES["rule"])
    with pytest.raises(
        UserError, match=r"'pixels' is claimed by .*baselines/pixels.py and by .*pixels.py; rename"
    ) as error:
        Registry([path])
    assert str(path) in str(error.value)


def test_the_same_file_twice_is_no_clash(tmp_path: Path):
    path = plugin(tmp_path, "twice", CAPABILITIES["rule"])
    (tmp_path / "other").symlink_to(tmp_path)
    assert "twice" in Registry([path, tmp_path / "other" / "twice.py"]).baselines


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UserError, match=r"unknown baseline 'protnet'; did you mean 'protonet'\?"):
        Registry().baseline("protnet")


FAMILY = (
    EMBED + "    rule = 'mean_cosine'\n\nclass _Half(Mine):\n    card = Card(title='Half', paper='a test')\n"
    "    def embed(self, images):\n        return super().embed(images)[:, ::2]\n\nMine.variants = {'half': _Half, 'whole': _Half}\n"
)


def test_a_family_is_named_by_its_variants(tmp_path: Path):
    path = plugin(tmp_path, "family", FAMILY)
    registry = Registry([path])
    assert registry.baseline("family:half").load().card.title == "Half"
    with pytest.raises(UserError, match="family is a family of baselines; name one of family:half, family:whole"):
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
    path = plugin(tmp_path, "wanting", "    needs = ('no_such_module', 'some')\n" + CAPABILITIES["rule"])
    with pytest.raises(
        UserError, match=r"wanting needs no_such_module, which is not installed; install fewshot-bench\[some\]"
    ):
        Registry([path]).baseline("wanting").load()
    assert "wanting" not in {found.name for found, _ in usable(Registry([path]).every_baseline())}


COUNTED = "    rule = 'mean_cosine'\n    def fit(self, train, *, context):\n        with open({!r}, 'a') as fits:\n            fits.write('x')\n"


def test_one_training_serves_those_it_teaches(tmp_path: Path):
    teacher = plugin(tmp_path, "teacher", COUNTED.format(str(tmp_path / "fits")) + EMBED)
    body = "from fewshot_bench.plugins.baselines.teacher import Mine as Taught\n\nclass Pupil(Taught):\n"
    body += "    card = Card(title='Pupil', paper='a test')\n    taught_by = 'teacher'\n    rule = 'prototype'\n"
    pupil = tmp_path / "pupil.py"
    pupil.write_text("from fewshot_bench import Card\n" + body)
    outcome = run(tmp_path / "out", [teacher, pupil], baselines=["teacher", "pupil"])
    assert (tmp_path / "fits").read_text() == "x"
    assert len({record.training["key"] for record in outcome.records}) == 1
    assert len({record.key for record in outcome.records}) == 4
    assert len(list((tmp_path / "out" / "embeddings").iterdir())) == 1
    assert outcome.table["rule"].nunique() == 2


def test_a_pupil_must_derive_from_its_teacher(tmp_path: Path):
    path = plugin(tmp_path, "stranger", "    taught_by = 'resnet'\n" + CAPABILITIES["rule"])
    with pytest.raises(UserError, match="Mine is taught by resnet but is no subclass of ResNet"):
        run(tmp_path / "out", [path], baselines=["stranger"])


def test_the_digest_of_a_method_covers_the_files_it_derives_from(tmp_path: Path):
    base = plugin(tmp_path, "basis", CAPABILITIES["rule"])
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
    body = "    def predict(self, support, query):\n        from fewshot_bench import NotApplicable\n"
    body += "        if len(support) > 2:\n            raise NotApplicable('it has two slots')\n        return torch.eye(2)[torch.zeros(len(query)).long()]\n"
    path = plugin(tmp_path, "slots", body)
    outcome = run(tmp_path / "out", [path], baselines=["slots", "pixels"], shots=[1])
    rows = outcome.table.set_index("baseline")
    assert rows.loc["slots", "status"] == "not applicable"
    assert pd.isna(rows.loc["slots", "accuracy"])
    assert rows.loc["slots", "note"] == "it has two slots"
    assert not outcome.failed
    assert run(tmp_path / "two", [path], baselines=["slots"], shots=[1], ways=2).table["status"].tolist() == ["ok"]
