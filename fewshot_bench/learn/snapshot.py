"""The state of a training between two steps, from which an interrupted training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """The parts of a training that change from step to step: weights, optimiser, random generators.

    views: the generator of random views.
    """

    modules: nn.Module
    optimiser: torch.optim.Optimizer
    views: torch.Generator
    device: torch.device

    def take(self, batches: int, images_passed: int) -> dict[str, Tensor]:
        """The state after so many batches and images passed.

        The next step changes these tensors: copy or save them before.
        """
        state: dict[str, Tensor] = {}
        for name, value in self.modules.state_dict().items():
            state[f"modules/{name}"] = value
        for position, parameter in enumerate(self._parameters()):
            for name, value in self.optimiser.state[parameter].items():
                state[f"optimiser/{position}/{name}"] = value
        state["views"] = self.views.get_state()
        state["torch"] = torch.get_rng_state()
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        state["batches"] = torch.tensor(batches)
        state["passed"] = torch.tensor(images_passed)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> tuple[int, int]:
        """Put everything back to a state that `take` returned.

        Returns the batches and the images passed by then. Raises `KeyError`, `RuntimeError`,
        `TypeError` or `ValueError` if the state is that of another training.
        """
        self.modules.load_state_dict(_without_prefix("modules/", state))
        for position, parameter in enumerate(self._parameters()):
            kept = _without_prefix(f"optimiser/{position}/", state)
            restored = {name: _laid_out_as(parameter, value) for name, value in kept.items()}
            self.optimiser.state[parameter] = restored
        self.views.set_state(state["views"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        # a training that began on a processor has no state of CUDA's generator
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
        return int(state["batches"]), int(state["passed"])

    def _parameters(self) -> list[nn.Parameter]:
        """The parameters that the optimiser changes, in its order."""
        parameters: list[nn.Parameter] = []
        for group in self.optimiser.param_groups:
            parameters.extend(group["params"])
        return parameters


def _without_prefix(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries whose names start with `prefix`, under the rest of their names."""
    selected = {}
    for name, value in state.items():
        if name.startswith(prefix):
            selected[name.removeprefix(prefix)] = value
    return selected


def _laid_out_as(parameter: nn.Parameter, value: Tensor) -> Tensor:
    """`value` in the memory layout of `parameter`, as a fused optimiser needs it."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter).copy_(value).detach()
