"""MAML and ANIL beside learn2learn's loop on the same episodes; what is tried on MAML, on a plain network.

Answers are compared too, so that a fast wrong answer shows.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torchvision.models import resnet18

from fewshot_bench.engine.own_blocks import OwnBlocks
from fewshot_bench.learn.adaptive import AdaptiveBaseline
from fewshot_bench.protocols.episode import DrawnEpisodes
from tests.helpers.training import CPU, made, normal

WAYS, SHOTS, QUERIES, STEPS = 3, 5, 15, 5
POOL = ((0, 300), (300, 300), (600, 300))  # NEU's test classes
GOAL = 5
LABELS_S = torch.arange(WAYS).repeat_interleave(SHOTS)
EPISODES = 2_000  # of ANIL
LOOP_EPISODES = 100  # learn2learn's cost an episode is constant
BLOCK = 4  # episodes of MAML
STEP_SIZE = 0.01


def built(name: str, encoder: str, size: int) -> AdaptiveBaseline:
    """It answers with random weights, which take as long as learned ones."""
    baseline = made(name, encoder=encoder, image_size=size)
    baseline.build(WAYS, CPU)
    return baseline


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("encoder", ["resnet18", "efficientnet_lite0"])  # 512 and 1,280 features
def test_anil(encoder: str, threads: int, table):
    anil = built("anil", encoder, 32)
    features = anil.network.features
    # about as far from the origin and from each other as the features of an encoder
    centres_ND = normal(0, WAYS, 1, features).abs().expand(-1, 300, -1)
    embeddings_MD = (centres_ND + 0.5 * normal(1, WAYS, 300, features)).relu().flatten(0, 1) / 4
    drawn = DrawnEpisodes(POOL, WAYS, SHOTS, QUERIES, "benchmark").draw(0, EPISODES)
    query_TQ = drawn.query_TNQ.reshape(EPISODES, -1)

    def ours() -> np.ndarray:
        with torch.no_grad():
            blocks = OwnBlocks(anil, embeddings_MD)
            return blocks.unchecked_answers(drawn.support_TNK, query_TQ).ways_TQ

    def loop() -> np.ndarray:
        ways = []
        for episode in range(LOOP_EPISODES):
            support_NKD = embeddings_MD[drawn.support_TNK[episode]]
            head = anil.adapted(anil.parts["head"], support_NKD, learning=False)
            with torch.no_grad():
                scores_QN = head(embeddings_MD[query_TQ[episode]])
            ways.append(scores_QN.argmax(1).numpy())
        return np.stack(ways)

    assert (ours()[:LOOP_EPISODES] == loop()).mean() > 0.999
    rates = table.interleaved(
        {"ours": (ours, EPISODES), "loop": (loop, LOOP_EPISODES)}, threads=threads
    )
    table.add(
        f"episodes a second by `anil`, D = {features}, threads: {threads}, times learn2learn's loop",
        f"{rates['ours'] / rates['loop']:.0f}x",
        f"{rates['ours']:,.0f} and {rates['loop']:,.0f}",
        f">= {GOAL}x",
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_tried_on_maml(threads: int, table):
    """The same steps on a plain ResNet-18, which `torch.func.vmap` can take a block of episodes through."""
    from learn2learn.algorithms import MAML

    torch.manual_seed(0)

    def norm(channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels, track_running_stats=False)  # by the batch, the support

    network = resnet18(num_classes=WAYS, norm_layer=norm)
    support_BSCHW = normal(1, BLOCK, WAYS * SHOTS, 3, 64, 64)
    weights = {name: value.detach() for name, value in network.named_parameters()}

    def loss(at: dict[str, Tensor], inputs: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(network, at, (inputs,)), LABELS_S)

    def loop() -> Tensor:
        heads = []
        for support in support_BSCHW:
            learner = MAML(network, lr=STEP_SIZE, first_order=True).clone()
            for _ in range(STEPS):
                learner.adapt(F.cross_entropy(learner(support), LABELS_S))
            heads.append(learner.module.fc.bias.detach())
        return torch.stack(heads)

    def in_place() -> Tensor:
        heads = []
        for support in support_BSCHW:
            own = {name: value.clone().requires_grad_() for name, value in weights.items()}
            for _ in range(STEPS):
                slopes = torch.autograd.grad(loss(own, support), list(own.values()))
                with torch.no_grad():
                    torch._foreach_add_(list(own.values()), slopes, alpha=-STEP_SIZE)
            heads.append(own["fc.bias"].detach())
        return torch.stack(heads)

    def block() -> Tensor:
        def steps(support: Tensor) -> Tensor:
            own = weights
            for _ in range(STEPS):
                slopes = grad(loss)(own, support)
                own = {name: value - STEP_SIZE * slopes[name] for name, value in own.items()}
            return own["fc.bias"]

        return vmap(steps)(support_BSCHW)

    runs = {"loop": loop, "in place": in_place, "vmap": block}
    for run in runs.values():
        assert torch.allclose(run(), loop(), atol=1e-3)  # what it is in float64: tests/learn
    rates = table.interleaved(
        {name: (run, BLOCK) for name, run in runs.items()}, threads=threads, rounds=3
    )
    for name in ("in place", "vmap"):
        table.add(
            f"episodes a second, 5 steps of a plain ResNet-18, {name}, threads: {threads}, times"
            " learn2learn's loop",
            f"{rates[name] / rates['loop']:.2f}x",
            f"{rates[name]:.2f} and {rates['loop']:.2f}",
            f">= {GOAL}x",
        )
