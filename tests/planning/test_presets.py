"""What presets set, for which methods, and what options and methods set in their place."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from fewshot_bench.learn import EncoderSettings, TrainingSettings
from fewshot_bench.learn.training_settings import chosen_by_method
from fewshot_bench.planning.plan import Training, make_plan
from fewshot_bench.planning.presets import PRESETS
from fewshot_bench.registry.registry import Registry
from fewshot_bench.settings import Settings
from tests.helpers.runs import QUICK, SMALL
from tests.helpers.training import encoder_of

TRAINED = ["resnet", "scl_amp"]


def trainings(**changes: object) -> dict[str, Training]:
    """The trainings of a small run, by baseline."""
    request = dataclasses.replace(QUICK, shots=[1], **changes)  # type: ignore[arg-type]
    plan = make_plan(request, Registry())
    return {training.name: training for training in plan.trainings}


def test_quick_starts_from_published_weights_with_a_small_budget():
    for training in trainings(preset="quick", baselines=TRAINED).values():
        settings = training.settings.as_dict()
        assert (settings["encoder"], settings["weights"]) == ("efficientnet_lite0", "imagenet")
        assert (settings["image_size"], settings["learning_rate"]) == (96, 1e-4)
        assert settings["passes"] == 4_500


def test_scratch_is_the_quick_of_before():
    for training in trainings(preset="scratch", baselines=TRAINED).values():
        settings = training.settings.as_dict()
        assert (settings["encoder"], settings["weights"]) == ("resnet18", "none")
        assert (settings["image_size"], settings["learning_rate"]) == (64, 5e-4)
        assert settings["passes"] == 18_000
    assert PRESETS["scratch"].passes(900, 3) == 54_000


def test_paper_takes_weights_too():
    paper = trainings(preset="paper", baselines=TRAINED)
    settings = paper["scl_amp"].settings.as_dict()
    assert (settings["encoder"], settings["weights"]) == ("resnet50", "none")
    assert (settings["image_size"], settings["learning_rate"]) == (32, 5e-4)
    assert settings["passes"] == 3 * paper["resnet"].settings.as_dict()["passes"]
    given = trainings(preset="paper", baselines=["resnet"], weights="DEFAULT")
    assert given["resnet"].settings.as_dict()["weights"] == "IMAGENET1K_V2"


@pytest.mark.parametrize(("preset", "passes"), [("quick", 18_000), ("paper", 100)])
def test_a_network_of_its_own_gets_the_budget_of_random_weights(preset: str, passes: int):
    values = PRESETS[preset].settings(side=50, train_images=1, views=1, own_network=True)
    assert values == {"image_size": 96 if preset == "quick" else 50, "passes": passes}


@pytest.mark.parametrize("preset", PRESETS)
def test_frozen_and_untrained_have_their_own_weights(preset: str):
    both = trainings(preset=preset, baselines=["frozen", "untrained"])
    frozen = both["frozen"].settings.as_dict()
    assert (frozen["encoder"], frozen["weights"]) == ("efficientnet_lite0", "imagenet")
    assert frozen["image_size"] == 224
    untrained = both["untrained"].settings.as_dict()
    assert (untrained["encoder"], untrained["weights"]) == (PRESETS[preset].encoder, "none")


@pytest.mark.parametrize("options", [{}, {"encoder": "efficientnet_lite0"}])
def test_precision_is_that_of_the_encoder_in_use(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
):
    monkeypatch.setattr("torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda: True)
    preset = "scratch" if options else "quick"
    lite0 = trainings(preset=preset, baselines=["resnet"], **options)
    assert lite0["resnet"].settings.as_dict()["precision"] == "float32"
    other = trainings(preset="quick", baselines=["resnet"], encoder="resnet18", weights="none")
    assert other["resnet"].settings.as_dict()["precision"] == "bf16"


def test_options_replace_what_a_preset_or_a_method_sets():
    options = {"encoder": "timm:test_resnet", "weights": "none", "image_size": 48}
    for training in trainings(baselines=["frozen", "resnet"], **options).values():
        settings = training.settings.as_dict()
        assert {name: settings[name] for name in options} == options


def test_a_record_has_the_name_of_a_file_of_weights_and_never_its_folder(tmp_path: Path):
    path = tmp_path / "secret" / "net.pth"
    path.parent.mkdir()
    torch.save(encoder_of("timm:test_resnet").backbone.state_dict(), path)
    given = {"encoder": "timm:test_resnet", "weights": str(path)}
    training = trainings(baselines=["resnet"], **given)["resnet"]
    assert training.given["weights"] == training.settings.as_dict()["weights"] == "net.pth"
    own = trainings(
        baselines=["resnet"],
        settings={**SMALL, "resnet.weights": str(path), "resnet.encoder": "timm:test_resnet"},
    )
    assert own["resnet"].key == training.key
    assert "secret" not in repr(own["resnet"].given)
    other = {name: tensor + 1 for name, tensor in torch.load(path).items()}
    torch.save(other, path)
    assert trainings(baselines=["resnet"], **given)["resnet"].key != training.key


@dataclass(frozen=True, kw_only=True)
class Slower(TrainingSettings):
    learning_rate: float = 1e-5


@dataclass(frozen=True, kw_only=True)
class OwnEncoder(EncoderSettings):
    encoder: str = "alexnet"


@dataclass(frozen=True, kw_only=True)
class Neighbours(Settings):
    weights: str = "uniform"
    learning_rate: float = 0.1


@pytest.mark.parametrize(
    ("settings_type", "expected"),
    [
        (Settings, set()),
        (EncoderSettings, set()),
        (TrainingSettings, set()),
        (Slower, {"learning_rate"}),
        (OwnEncoder, {"encoder", "weights"}),
        (Neighbours, {"weights", "learning_rate"}),
    ],
)
def test_presets_do_not_replace_what_a_method_declares(
    settings_type: type[Settings], expected: set[str]
):
    assert chosen_by_method(settings_type) == expected
