"""What a plan takes from presets, what methods choose themselves, and that a plan works in another process."""

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry.registry import Registry
from tests.helpers.places import ROOT
from tests.helpers.plugin_files import copied, plugin
from tests.helpers.runs import QUICK


def test_what_a_method_chooses_itself_no_preset_changes():
    path = plugin("own_network")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network", "untrained"]), Registry([path])
    )
    own, other = (training.settings for training in plan.trainings)
    assert (own.encoder, own.image_size, other.encoder) == ("mobilenet_v3_small", 64, "resnet18")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network"], encoder="resnet18"), Registry([path])
    )
    assert [training.settings.encoder for training in plan.trainings] == ["resnet18"]
    assert set(api.check([str(path)])["status"]) == {"ok"}


def elsewhere(plan: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """A new process that loads the plan and runs it into `folder`."""
    pickled = folder.with_suffix(".plan")
    pickled.write_bytes(pickle.dumps(plan))
    script = ROOT / "tests" / "helpers" / "executed.py"
    command = [sys.executable, str(script), str(pickled), str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugins", "baselines"),
    [
        pytest.param([plugin("levels")], ["levels", "siamese"], id="given with --plugin"),
        pytest.param([], ["easyfsl:SimpleShot", "siamese"], id="in the folder"),
    ],
)
def test_a_plan_gives_the_same_in_another_process(
    tmp_path: Path, plugins: list[Path], baselines: list[str]
):
    request = dataclasses.replace(QUICK, baselines=baselines, shots=[1], budget=64)
    plan = make_plan(request, Registry(plugins))
    done = elsewhere(plan, tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    here = api.run(request, tmp_path / "here", plugins=plugins).table
    expected = here[["baseline", "shots", "status", "accuracy"]].to_csv(index=False)
    assert done.stdout.strip() == expected.strip()


def test_classes_that_no_module_has_by_name_are_found_in_another_process(tmp_path: Path):
    plugins = [plugin("made_family"), plugin("shades")]
    request = dataclasses.replace(
        QUICK, dataset="shades", baselines=["made_family:seven"], shots=[1], settings={}
    )
    done = elsewhere(make_plan(request, Registry(plugins)), tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    here = api.run(request, tmp_path / "here", plugins=plugins).table
    expected = here[["baseline", "shots", "status", "accuracy"]].to_csv(index=False)
    assert done.stdout.strip() == expected.strip()


def test_a_method_that_was_edited_since_is_an_error_in_one_line(tmp_path: Path):
    path = copied("levels", tmp_path / "edited.py")
    request = dataclasses.replace(QUICK, baselines=["edited"], shots=[1])
    plan = make_plan(request, Registry([path]))
    path.write_text(path.read_text() + "# edited\n")
    done = elsewhere(plan, tmp_path / "elsewhere")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{path} has changed since the plan was made; run the command again" in done.stderr


def test_a_seed_is_that_of_the_first_training():
    def seeds(**changes: object) -> list[int]:
        request = dataclasses.replace(QUICK, **{"shots": [1]} | changes)  # type: ignore[arg-type]
        return [training.seed for training in make_plan(request, Registry()).trainings]

    assert seeds() == [0]
    assert seeds(seed=7) == [7]
    assert seeds(seed=7, seeds=3) == [7, 8, 9]
    with pytest.raises(UserError, match=r"--seed is for few-shot protocols, .* say --runs"):
        seeds(seed=7, train_per_class=[5], shots=None, queries=None, episodes=None)
