"""A way round a fault of oneDNN, which convolves on processors.

Training a strided 1 x 1 convolution of few channels, in the memory layout in which convolutions are
fastest, writes past its memory: wrong gradients, or the process dies
(https://github.com/uxlfoundation/oneDNN/issues/6035; RepVGG's first layer is one).
"""

from __future__ import annotations

import functools

from torch import Tensor, nn

__all__ = ["without_strided_points"]

FEWEST_CHANNELS = 16  # with which a strided 1 x 1 convolution is safe


def without_strided_points(network: nn.Module) -> None:
    """Let each strided 1 x 1 convolution of few channels take every n-th place with stride 1.

    This computes the same from the same weights.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and _is_unsafe(module):
            rows, columns = module.stride
            module.register_forward_pre_hook(functools.partial(_every_nth, rows, columns))
            module.stride = (1, 1)


def _is_unsafe(convolution: nn.Conv2d) -> bool:
    is_point = tuple(convolution.kernel_size) == (1, 1)
    is_strided = tuple(convolution.stride) != (1, 1)
    is_padded = any(convolution.padding)
    return is_point and is_strided and not is_padded and convolution.in_channels < FEWEST_CHANNELS


def _every_nth(rows: int, columns: int, module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """The input (B, C, H, W) of a convolution with only each n-th row and column."""
    del module
    return (inputs[0][..., ::rows, ::columns],)
