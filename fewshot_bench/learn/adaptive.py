"""Learning to adapt: first weights that a few gradient steps adapt to the classes of a support.

The part that MAML (Finn et al. 2017) and ANIL (Raghu et al. 2020) share; learn2learn takes the
steps. Shapes: N ways, K shots, Q queries of all ways together, S slots of the head, D features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.errors import NotApplicable
from fewshot_bench.learn.episodic import EpisodicBaseline, EpisodicSettings
from fewshot_bench.optional import library

__all__ = [
    "AdaptiveBaseline",
    "AdaptiveSettings",
    "SupportNorm",
    "SupportRows",
    "normalise_by_support",
]

# modules that timm runs at the end of its normalisations, in this order
TIMM_NORM_PARTS = ("drop", "act")


@dataclass(frozen=True, kw_only=True)
class AdaptiveSettings(EpisodicSettings):
    """Gradient descent on the support of an episode.

    steps: number of steps; step_size: of each step; first_order: training treats the gradients of
    the steps as constants.
    """

    steps: int = 5
    step_size: float = 0.1
    first_order: bool = False

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("steps", 1)
        self.need_positive("step_size")


class AdaptiveBaseline(EpisodicBaseline):
    """A baseline whose head has a slot for each way and adapts to the support of an episode.

    It answers at most as many ways as a training episode has. Which way gets which slot matters.
    """

    needs = ("learn2learn", "meta")
    settings_type = AdaptiveSettings
    settings: AdaptiveSettings

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The head, with a slot for each way of a training episode."""
        slots = min(self.settings.train_ways, classes)
        return {"head": nn.Linear(features, slots)}

    def check_ways(self, ways: int) -> None:
        """Raise `NotApplicable` for more ways than slots."""
        slots = len(self.parts.get_parameter("head.bias"))
        if ways > slots:
            raise NotApplicable(
                f"its head has {slots} slots, as many as its training episodes had ways, "
                f"and {ways} are asked"
            )

    def adapted(self, module: nn.Module, support_NK: Tensor, *, learning: bool) -> Any:
        """A copy of `module` (inputs to S scores) after gradient steps on the support (N, K, ...).

        The loss of a step is the cross-entropy. learning: a gradient through the steps will be
        needed. Raises as `check_ways`.
        """
        settings = self.settings
        ways, shots = support_NK.shape[:2]
        self.check_ways(ways)
        inputs = support_NK.flatten(0, 1)
        labels = torch.arange(ways, device=support_NK.device).repeat_interleave(shots)
        algorithms = library("training to adapt", "learn2learn.algorithms", "meta")
        # answering needs no second derivatives, whatever training needs
        first_order = settings.first_order or not learning
        maml = algorithms.MAML(module, lr=settings.step_size, first_order=first_order)
        learner = maml.clone()
        for _ in range(settings.steps):
            # slots that this episode does not use are no classes of it
            scores = learner(inputs)[:, :ways]
            learner.adapt(F.cross_entropy(scores, labels))
        return learner


@dataclass
class SupportRows:
    """count: rows at the start of a batch that are the support; all `SupportNorm` read it."""

    count: int = 0


class SupportNorm(nn.Module):
    """Batch normalisation by the moments of the support (MetaBN, Bronskill et al. 2020).

    The support is the first rows of a batch. Its moments normalise the queries behind the support
    too, so that a query's answer does not depend on other queries.
    """

    def __init__(self, norm: nn.BatchNorm2d, rows: SupportRows) -> None:
        super().__init__()
        self.weight = norm.weight
        self.bias = norm.bias
        self.eps = norm.eps
        self.rows = rows

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W), normalised by mean and variance over the support's rows and all pixels."""
        # moments of bf16 in float32
        at_least_float32 = torch.promote_types(x_BCHW.dtype, torch.float32)
        support = x_BCHW[: self.rows.count].to(at_least_float32)
        all_but_channels = (0, 2, 3)
        variance, mean = torch.var_mean(support, all_but_channels, correction=0, keepdim=True)
        weight = self.weight[:, None, None]
        bias = self.bias[:, None, None]
        scale = weight * torch.rsqrt(variance + self.eps)
        normalised = (x_BCHW - mean) * scale + bias
        return normalised.to(x_BCHW.dtype)


def normalise_by_support(network: nn.Module) -> SupportRows:
    """Replace every batch normalisation of the network by `SupportNorm`.

    Returns the number of support rows that all of them read: set it before a batch passes the
    network.
    """
    rows = SupportRows()
    # a list, as the loop replaces modules of the network
    for path, part in list(network.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            after = [getattr(part, name) for name in TIMM_NORM_PARTS if hasattr(part, name)]
            network.set_submodule(path, nn.Sequential(SupportNorm(part, rows), *after))
    return rows
