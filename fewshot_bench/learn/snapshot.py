"""All that an interrupted training needs to go on as if it had not been: weights, optimiser, random state, progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """The parts of a training that change from step to step. views: the generator of random views."""

    modules: nn.Module
    optimiser: torch.optim.Optimizer
    views: torch.Generator
    device: torch.device

    def take(self, batches: int, passed: int) -> dict[str, Tensor]:
        """Their state after so many batches and images passed: tensors that the next step changes."""
        found = {f"modules/{name}": value for name, value in self.modules.state_dict().items()}
        for at, parameter in enumerate(self._learned()):
            found |= {
                f"optimiser/{at}/{name}": value
                for name, value in self.optimiser.state[parameter].items()
            }
        found |= {"views": self.views.get_state(), "torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self.device)
        return found | {"batches": torch.tensor(batches), "passed": torch.tensor(passed)}

    def restore(self, taken: Mapping[str, Tensor]) -> tuple[int, int]:
        """Bring them back to what `take` gave; batches and images passed by then.

        Raises `KeyError`, `RuntimeError` or `ValueError` where it gave it of another training.
        """
        self.modules.load_state_dict(_below("modules/", taken))
        for at, parameter in enumerate(self._learned()):
            state = _below(f"optimiser/{at}/", taken)
            self.optimiser.state[parameter] = {
                name: _laid_out_as(parameter, value) for name, value in state.items()
            }
        self.views.set_state(taken["views"].cpu())
        torch.set_rng_state(taken["torch"].cpu())
        if (
            self.device.type == "cuda" and "cuda" in taken
        ):  # a training that began on a processor has none
            torch.cuda.set_rng_state(taken["cuda"].cpu(), self.device)
        return int(taken["batches"]), int(taken["passed"])

    def _learned(self) -> list[nn.Parameter]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]


def _below(start: str, taken: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(start): value for name, value in taken.items() if name.startswith(start)
    }


def _laid_out_as(parameter: nn.Parameter, value: Tensor) -> Tensor:
    """A fused optimiser runs over the memory of both, so that their layouts must be the same."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter).copy_(value).detach()
