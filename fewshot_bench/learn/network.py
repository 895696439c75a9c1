"""What all libraries give: a network without its last layer, and its normalisation of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fewshot_bench.errors import Unavailable

__all__ = [
    "DEFAULT",
    "GREY_MEAN",
    "GREY_STD",
    "NONE",
    "UNKNOWN_SIZE",
    "Network",
    "curl_command",
    "unavailable",
]

NONE = "none"  # random weights, training starts from scratch
DEFAULT = "DEFAULT"  # the weights that the library lists as its best

UNKNOWN_SIZE = 224  # pixels a side, of networks that say nothing of their images

# of pixel values in 0 to 1, for networks without published weights
GREY_MEAN = (0.5, 0.5, 0.5)
GREY_STD = (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Network:
    """module: images (B, 3, H, W) to features (B, D).

    mean, std: one each for a channel. The module takes (values in 0 to 1 - mean) / std.
    removed: paths of the last layers that the module does not have any more.
    """

    module: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    removed: tuple[str, ...]


def unavailable(encoder: str, weights: str, error: Exception, command: str) -> Unavailable:
    """The error for weights that cannot be downloaded, with the command that fetches them.

    It says too how to do without.
    """
    return Unavailable(
        f"weights {weights} of {encoder} cannot be had ({error}); "
        f"where there is a network, fetch them with: {command} "
        f"(--weights {NONE} starts from random weights)"
    )


def curl_command(url: str) -> str:
    """The command that downloads a file of weights to the place where torch looks for it."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    home = Path.home()
    if file.is_relative_to(home):
        # records hold messages, and they must not name a user's folder
        file = Path("~") / file.relative_to(home)
    return f"curl --create-dirs -o {file} {url}"
