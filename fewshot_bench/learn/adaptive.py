"""Learning to adapt: an initialisation from which few steps of gradient descent on a support set tell its classes apart.

What MAML (Finn et al. 2017) and ANIL (Raghu et al. 2020) share; learn2learn takes the steps. Shapes: N ways, K shots,
Q queries of all ways together, S slots of the head, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.errors import NotApplicable
from fewshot_bench.learn.episodic import EpisodicBaseline, EpisodicSettings
from fewshot_bench.optional import library

__all__ = ["AdaptiveBaseline", "AdaptiveSettings", "SupportNorm", "normalise_by_support"]


@dataclass(frozen=True, kw_only=True)
class AdaptiveSettings(EpisodicSettings):
    """steps: of gradient descent on the support; step_size: of each; first_order: training takes the gradients of the
    steps as constants.
    """

    steps: int = 5
    step_size: float = 0.1
    first_order: bool = False

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(self.steps >= 1, "steps", "1 or more")
        self.need(0 < self.step_size < math.inf, "step_size", "more than 0")


class AdaptiveBaseline(EpisodicBaseline):
    """A baseline whose head has a slot for each way, and adapts to the support of an episode.

    It can answer as many ways as a training episode has; which way gets which slot matters.
    """

    needs = ("learn2learn", "meta")
    settings_type = AdaptiveSettings
    settings: AdaptiveSettings

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The head, with a slot for each way of a training episode."""
        return {"head": nn.Linear(features, min(self.settings.train_ways, classes))}

    def adapted(self, module: nn.Module, support_NK: Tensor, *, learning: bool) -> Any:
        """A copy of `module` (inputs to S scores) after gradient descent on the support's cross-entropy.

        learning: a gradient through the steps will be asked for. Raises `NotApplicable` for more ways than slots.
        """
        s, slots = self.settings, len(self.parts.get_parameter("head.bias"))
        ways, shots = support_NK.shape[:2]
        if ways > slots:
            raise NotApplicable(
                f"its head has {slots} slots, as many as its training episodes had ways, and {ways} are asked"
            )
        inputs, ways_B = (
            support_NK.flatten(0, 1),
            torch.arange(ways, device=support_NK.device).repeat_interleave(shots),
        )
        maml = library("training to adapt", "learn2learn.algorithms", "meta").MAML
        learner = maml(module, lr=s.step_size, first_order=s.first_order or not learning).clone()
        for _ in range(s.steps):
            learner.adapt(F.cross_entropy(learner(inputs)[:, :ways], ways_B))
        return learner


class SupportNorm(nn.Module):
    """Batch normalisation by the first `rows[0]` rows of a batch, the support, whose moments serve the queries behind
    them too (MetaBN of Bronskill et al. 2020): a query is answered alike whatever others it comes with.
    """

    def __init__(self, norm: nn.BatchNorm2d, rows: list[int]) -> None:
        super().__init__()
        self.weight, self.bias, self.eps, self.rows = norm.weight, norm.bias, norm.eps, rows

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W), normalised over the support's rows and all pixels."""
        variance, mean = torch.var_mean(
            x_BCHW[: self.rows[0]].float(), (0, 2, 3), correction=0, keepdim=True
        )
        scale = self.weight[:, None, None] * torch.rsqrt(variance + self.eps)
        return ((x_BCHW - mean) * scale + self.bias[:, None, None]).to(x_BCHW.dtype)


def normalise_by_support(network: nn.Module) -> list[int]:
    """Put `SupportNorm` in the place of every batch normalisation; sets what all of them take as rows of the support."""
    rows = [0]
    for path, part in list(network.named_modules()):
        if isinstance(part, nn.BatchNorm2d):
            after = [
                getattr(part, name) for name in ("drop", "act") if hasattr(part, name)
            ]  # timm's activate too
            network.set_submodule(path, nn.Sequential(SupportNorm(part, rows), *after))
    return rows
