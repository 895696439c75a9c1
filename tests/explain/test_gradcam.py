"""Heat maps are Grad-CAM's, of the answer that is given; what lies in boxes is counted as it lies."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fewshot_bench import Request, UserError, explain
from fewshot_bench.contract.answering import scores_from_features
from fewshot_bench.engine.work import fitted_baseline
from fewshot_bench.errors import NotApplicable
from fewshot_bench.explain.gradcam import BATCH, Heat, heats, peaks, stages
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import SMALL

# a data set with boxes, an encoder that looks at what is bright, one that looks at what is dark
BOXED = [plugin("blind"), plugin("boxed"), plugin("seeing")]


def fitted_and_question(out: Path, baseline: str, **changes: object):
    asked = {
        "shots": [2],
        "queries": 5,
        "episodes": 40,
        "baselines": [baseline],
        "settings": SMALL,
        "preset": "scratch",
        "device": "cpu",
    }
    plan = make_plan(Request(**asked | changes), Registry())  # type: ignore[arg-type]
    cell = plan.cells[0]
    fitted = fitted_baseline(plan, cell, ResultsFolder(out), lambda progress: None)
    return fitted, (cell.episode_set, cell.rule)


def by_hand(fitted, question, choice, heat: Heat, layer: nn.Module) -> np.ndarray:
    """Grad-CAM with a hook and autograd, of the first episode."""
    baseline, kept = fitted.baseline, []
    position = np.full(len(fitted.data), -1)
    position[fitted.embedded] = np.arange(len(fitted.embedded))
    support = question.source.draw(0, 1).support_TNK[0]
    features = (
        baseline.embed(fitted.images(position[support.ravel()]))
        .detach()
        .unflatten(0, support.shape)
    )
    hook = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    query = baseline.embed(fitted.images(position[[heat.image]]))
    hook.remove()
    rule = choice.plugin.load()() if choice.plugin else choice.name
    score = scores_from_features(baseline, rule, features, query).max()
    slope = torch.autograd.grad(score, kept[0])[0]
    cam = (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True).relu()
    size = fitted.data.images.shape[-2:]
    return nn.functional.interpolate(cam, size, mode="bilinear")[0, 0].detach().numpy()


@pytest.mark.parametrize(
    ("name", "stage", "frozen"),
    [
        ("resnet", 1, None),
        ("protonet", 2, None),
        ("siamese", 2, None),
        ("relation", 2, None),
        ("resnet", 1, True),
    ],
)
def test_heat_is_that_of_an_independent_computation(
    tmp_path: Path, name: str, stage: int, frozen: bool | None
):
    fitted, question = fitted_and_question(tmp_path, name, budget=160, image_size=64, freeze=frozen)
    found = heats(fitted, *question, stage=stage, most=4)
    assert len({heat.image for heat in found}) == 4
    layer, places = stages(fitted.baseline, fitted.images(np.arange(1)))[stage - 1]
    assert found[0].places == places == (2 * stage, 2 * stage)
    expected = by_hand(fitted, *question, found[0], layer)
    assert np.allclose(found[0].map_HW, expected, atol=1e-4 * expected.max())
    assert name != "resnet" or all(heat.map_HW.max() > 0 for heat in found), (
        "a frozen encoder has maps too"
    )
    again = heats(
        fitted_and_question(tmp_path, name, budget=160, image_size=64, freeze=frozen)[0],
        *question,
        stage=stage,
        most=4,
    )
    assert all(
        np.array_equal(one.map_HW, other.map_HW) for one, other in zip(found, again, strict=True)
    )


def test_every_test_image_is_asked_about_once_never_beside_itself(tmp_path: Path):
    fitted, question = fitted_and_question(tmp_path, "untrained")
    found = heats(fitted, *question, stage=1, most=None)
    assert sorted(heat.image for heat in found) == sorted(fitted.embedded.tolist())
    first = question[0].source.draw(0, 1)
    own = set(first.query_TNQ.ravel().tolist())
    assert {heat.image for heat in found[: len(own)]} == own, "the episode's own queries come first"
    assert not {heat.image for heat in found[:BATCH]} & set(first.support_TNK.ravel().tolist())


def test_references_stand_as_their_views(tmp_path: Path):
    maps = []
    for given in ({}, {"mean_cosine.reference_views": "8"}):
        settings = {**SMALL, **given}
        fitted, question = fitted_and_question(tmp_path, "untrained", settings=settings)
        maps.append(heats(fitted, *question, stage=1, most=1)[0].map_HW)
    assert maps[0].shape == maps[1].shape
    assert not np.allclose(maps[0], maps[1])


class Layered(nn.Module):
    def __init__(self, network: nn.Module, baseline: object = None) -> None:
        super().__init__()
        self.network = network

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images.float().expand(-1, 3, -1, -1))


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("resnet18", ["layer4", "layer3", "layer2"]),
        ("resnet50", ["layer4", "layer3", "layer2"]),
        ("wide_resnet50_2", ["layer4", "layer3", "layer2"]),
        ("convnext_tiny", ["features", "features.6.0", "features.4.0"]),
        ("densenet121", ["features", "features.transition3.conv", "features.transition2.conv"]),
        ("mobilenet_v2", ["features", "features.13", "features.6"]),
        ("efficientnet_b0", ["features", "features.5", "features.3"]),
        ("regnet_y_400mf", ["trunk_output", "trunk_output.block3", "trunk_output.block2"]),
        ("shufflenet_v2_x1_0", ["conv5", "stage3", "stage2"]),
        ("vgg11", ["features", "features.19", "features.14"]),
        ("swin_t", ["permute"]),
    ],
)
def test_stages_end_where_a_network_halves_its_maps(name: str, ends: list[str]):
    import torchvision

    network = torchvision.models.get_model(name).eval()
    names = {module: path for path, module in network.named_modules()}
    found = stages(Layered(network), torch.zeros(1, 1, 64, 64))
    assert [names[module] for module, _ in found][: len(ends)] == ends
    assert [size for _, size in found][: len(ends)] == [
        (2 * 2**at, 2 * 2**at) for at in range(len(ends))
    ]


def test_maps_need_not_be_square():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2, padding=1)
    )
    found = stages(Layered(network.eval()), torch.zeros(1, 1, 24, 40))
    assert [size for _, size in found] == [(6, 10), (12, 20)]


def test_what_has_no_heat_says_why(bench, tmp_path: Path):
    base = ("explain", *TINY, "--shots", "1", "--out", tmp_path)
    status, _, err = bench(*base, "--baselines", "pixels")
    assert (status, err.count("\n")) == (2, 1)
    assert (
        "none of pixels has a heat map (it answers without the features of an encoder); name one with an encoder"
        in err
    )
    status, _, err = bench(*base, "--baselines", "untrained", "--stage", "9")
    assert (status, err.count("\n")) == (2, 1)
    assert "its encoder has no stage 9 (allowed: 1 (2 x 2), 2 (4 x 4)" in err
    for wrong in (("--images", "0"), ("--stage", "0"), ("--stage", "x")):
        status, _, err = bench(*base, "--baselines", "untrained", *wrong)
        assert (status, err.count("\n")) == (2, 1)
        assert wrong[0] in err
    status, _, err = bench(*base, "--baselines", "untrained", "--reference", "resnet")
    assert (status, "resnet" in err) == (2, True)
    fitted, question = fitted_and_question(tmp_path, "easyfsl:TIM", budget=64)
    with pytest.raises(NotApplicable, match="depends on the others"):
        heats(fitted, *question, stage=1, most=2)


def test_an_answer_cut_off_from_its_encoder_has_no_heat(tmp_path: Path):
    cut = tmp_path / "cut.py"
    seeing = plugin("seeing").read_text()
    cut.write_text(
        seeing.replace("Seeing", "Cut").replace(".mean((2, 3))", ".mean((2, 3)).detach()")
    )
    with pytest.raises(UserError, match="no gradient leads from its answer to its encoder"):
        explain(
            Request(dataset="boxed", shots=[1], queries=2, episodes=5, baselines=["cut"]),
            tmp_path / "out",
            plugins=[*BOXED, cut],
        )


def test_the_maximum_of_a_coarse_map_lies_at_the_rim():
    where = peaks((2, 2), (8, 8))
    assert where.sum() == pytest.approx(1)
    assert where[:2, :2].sum() == pytest.approx(0.25)
    assert where[3:5, 3:5].sum() == 0
    assert peaks((20, 10), (40, 40)).sum() == pytest.approx(1)
