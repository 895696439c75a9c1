"""Names in files of weights: prefixes of trainings are taken off, and what does not fit is named."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fewshot_bench.errors import UserError
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from fewshot_bench.learn.weights_match import load_matched
from tests.helpers.training import encoder_of

State = dict[str, Tensor]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Identity())


@pytest.fixture
def state() -> State:
    torch.manual_seed(1)
    return dict(network().state_dict())


def under(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def load(tensors: State) -> nn.Module:
    module = network()
    load_matched(module, tensors, removed=["2"], names="weights x.pth for encoder net")
    return module


def assert_loaded(module: nn.Module, state: State) -> None:
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, state[name]), name


HEAD = {"weight": torch.zeros(5, 4), "bias": torch.zeros(5)}
MOCO = {**under("encoder_k.0.", HEAD), "queue": torch.zeros(2, 3), "queue_ptr": torch.zeros(1)}


@pytest.mark.parametrize(
    ("prefix", "beside"),
    [
        ("", {}), ("module.", {}), ("backbone.", {}), ("model.", {}), ("encoder.", {}), ("encoder_q.", MOCO),
        ("module.encoder_q.", under("module.", MOCO)), ("module.backbone.", under("module.head.fc.", HEAD)),
        ("backbone.", under("head.", HEAD)), ("model.", under("fc.", HEAD)), ("encoder.", under("classifier.", HEAD)),
        ("", under("2.", HEAD)), ("module.model.", under("module.model.2.0.", HEAD)),
    ],
)  # fmt: skip
def test_prefixes_and_heads_are_taken_off(state: State, prefix: str, beside: State):
    assert_loaded(load({**under(prefix, state), **beside}), state)


def test_counters_of_batches_may_be_missing(state: State):
    counter = state.pop("1.num_batches_tracked")
    assert_loaded(load(state), {**state, "1.num_batches_tracked": counter})


def without(state: State, name: str) -> State:
    return {other: tensor for other, tensor in state.items() if other != name}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: without(state, "0.weight"), r"do not fit \(missing: 0\.weight\); name the encoder"),
        (lambda state: {**state, "3.weight": torch.ones(1)}, r"do not fit \(too many: 3\.weight\)"),
        (lambda state: {**state, "0.bias": torch.ones(5)}, r"of another shape: 0\.bias \(5,\), not \(4,\)\)"),
        (lambda state: {**state, **under("head.", HEAD)}, r"too many: head\.weight, head\.bias"),
        (lambda state: {**under("encoder.", state), **MOCO}, r"too many: encoder_k\.0\.weight, encoder_k\.0\.bias, queue and 1 more"),
        (lambda state: under("other.", state), r"missing: 0\.weight, 0\.bias, 1\.weight and 3 more; too many: other\.0"),
        (lambda state: {"a\x1b[31m\nb" + "c" * 99: torch.ones(1)}, r"too many: a\\x1b\[31m\\nbc{30,60}\)"),
        (lambda state: {"module." * 10_000 + "x": torch.ones(1)}, r"too many: "),
        (lambda state: {**state, "0.bias": torch.tensor([1.0, 2, 3, torch.nan])}, r"0\.bias has values that are not finite"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(state: State, change, expected: str):
    with pytest.raises(UserError, match="weights x.pth for encoder net.*" + expected) as error:
        load(change(state))
    assert len(str(error.value)) < 500


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "timm:test_vit"])
def test_a_whole_network_with_another_number_of_classes(tmp_path: Path, name: str):
    """The last layer is dropped, wherever a library has it."""
    torch.manual_seed(2)
    if name.startswith("timm:"):
        import timm

        whole = timm.create_model(name.removeprefix("timm:"), num_classes=7, img_size=64)
    else:
        import torchvision

        whole = torchvision.models.get_model(name, num_classes=7)
    path = tmp_path / "x.pth"
    torch.save({"state_dict": under("module.", whole.state_dict())}, path)
    encoder = Encoder(EncoderSettings(encoder=name, weights=str(path), image_size=64).resolved())
    own = encoder.backbone.state_dict()
    assert own
    assert all(torch.equal(tensor, whole.state_dict()[key]) for key, tensor in own.items())


def test_weights_of_another_network_are_refused(tmp_path: Path):
    path = tmp_path / "x.pth"
    torch.save(encoder_of("squeezenet1_1").backbone.state_dict(), path)
    settings = EncoderSettings(encoder="efficientnet_lite0", weights=str(path), image_size=64)
    expected = r"weights x\.pth for encoder efficientnet_lite0 do not fit \(missing: conv_stem"
    with pytest.raises(UserError, match=expected):
        settings.resolved()
