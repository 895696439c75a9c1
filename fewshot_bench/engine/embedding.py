"""Images put to a baseline one batch after another: features, or scores of a closed-set head.

Shapes: M images, B images of a batch, D features, V views of an image.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import checked_call
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import Diverged
from fewshot_bench.seeds import derive, global_seed

__all__ = ["VIEWS", "Answers", "answer_each", "dihedral_views", "embed_views", "turned"]

BATCH = 64  # images
VIEWS = 8  # dihedral ones of an image
ALIKE = 1e-5  # of their length: features no further apart than rounding are the same
NOUNS = {
    "embed": "embedding",
    "logits": "score",
    "compose": "score",
}  # of what the methods give, for messages


@dataclass(frozen=True)
class Answers:
    """What a baseline answers to each image, float32, and the seconds that it took.

    answers: (M, D), of single views (V, M, D).
    """

    answers: Tensor
    seconds: float


def answer_each(
    fitted: FittedBaseline,
    method: Literal["embed", "logits", "compose"],
    indices: npt.NDArray[np.integer[Any]],
    *,
    beside: Sequence[Tensor] = (),
    width: int | None = None,
    turns: npt.NDArray[np.integer[Any]] | None = None,
) -> Answers:
    """The baseline's answer to the images at these indices, which come to it in random order.

    beside: what else the method takes; width: of an answer, where it must have one; turns: how each
    image is turned, 0 to 7, see `turned`; None: none is. Where the settings ask for it, an answer
    is the mean over the dihedral views of the image.

    Raises `ValueError` for another shape, `Leak` where an answer depends on the other images,
    `Diverged` where one is not finite.
    """
    baseline = fitted.baseline
    views = _views_of_mean(fitted)

    def answer(images_BCHW: Tensor) -> Tensor:
        total: Tensor = torch.zeros(())
        for view_BCHW in dihedral_views(images_BCHW, views):
            total = total + checked_call(baseline, method, view_BCHW, *beside).float()
        mean: Tensor = total / views
        return mean

    return _in_batches(fitted, NOUNS[method], indices, answer, width=width, turns=turns)


def embed_views(fitted: FittedBaseline, indices: npt.NDArray[np.integer[Any]]) -> Answers:
    """Features (V, M, D) of single dihedral views of the images.

    They are the 7 views beside the images themselves. Where the settings make features of an image
    a mean over its views, the image itself is the first of 8. Raises as `answer_each`.
    """
    baseline = fitted.baseline
    first = 1 if _views_of_mean(fitted) == 1 else 0

    def answer(images_BCHW: Tensor) -> Tensor:
        """The features of all views side by side: (B, V * D)."""
        features = []
        for view_BCHW in itertools.islice(dihedral_views(images_BCHW, VIEWS), first, None):
            features.append(checked_call(baseline, "embed", view_BCHW).float())
        return torch.cat(features, dim=1)

    made = _in_batches(fitted, NOUNS["embed"], indices, answer)
    features_MVD = made.answers.unflatten(1, (VIEWS - first, -1))
    return Answers(features_MVD.transpose(0, 1).contiguous(), made.seconds)


def _views_of_mean(fitted: FittedBaseline) -> int:
    """Over how many views of an image its answer is a mean."""
    return int(fitted.training.settings.as_dict().get("views", 1))


def _in_batches(
    fitted: FittedBaseline,
    noun: str,
    indices: npt.NDArray[np.integer[Any]],
    answer: Callable[[Tensor], Tensor],
    *,
    width: int | None = None,
    turns: npt.NDArray[np.integer[Any]] | None = None,
) -> Answers:
    """`answer` to each image; the other parameters as of `answer_each`. noun: for messages."""
    training = fitted.training
    baseline = fitted.baseline
    start = time.perf_counter()
    generator = torch.Generator().manual_seed(derive(training.key))
    order = torch.randperm(len(indices), generator=generator)
    parts: list[Tensor] = []
    with global_seed(derive("embedding", training.seed)), torch.no_grad():
        for batch in order.split(BATCH):
            fitted.report("embed", BATCH * len(parts), len(order))
            images = fitted.images_of(indices[batch.numpy()])
            if turns is not None:
                images = turned(images, torch.from_numpy(turns)[batch])
            with assert_untouched(baseline, images):
                parts.append(answer(images))
            _check_shape(parts[-1], len(images), width)
            if len(parts) == 1:
                assert_inductive(baseline, answer, images, parts[0], of_scores=False)
    answers = torch.cat(parts)[order.argsort()]
    if not torch.isfinite(answers).all():
        raise Diverged(f"the {noun} of an image is not finite; lower the learning rate")
    if _collapsed(answers) and _differ(fitted.data.images[indices]):
        raise Diverged(f"it collapsed: all images have the same {noun}; lower the learning rate")
    return Answers(answers, round(time.perf_counter() - start, 3))


def dihedral_views(images_BCHW: Tensor, views: int) -> Iterator[Tensor]:
    """The images themselves (views=1), or their 8 dihedral views: turned by 90 degrees, mirrored.

    Images that are not square change sides when they are turned.
    """
    if views == 1:
        yield images_BCHW
        return
    for turns in range(4):
        turned = torch.rot90(images_BCHW, turns, (2, 3))
        yield turned
        yield turned.flip(3)


def turned(images_BCHW: Tensor, turns_B: Tensor) -> Tensor:
    """Square images, each turned by some of its 8 dihedral views, in the order of these views."""
    views = torch.stack(list(dihedral_views(images_BCHW, VIEWS)))
    return views[turns_B.to(views.device), torch.arange(len(turns_B), device=views.device)]


def _check_shape(answers: Tensor, images: int, width: int | None) -> None:
    shape = tuple(answers.shape)
    is_matrix = len(shape) == 2 and shape[0] == images
    if not is_matrix or width not in (None, shape[1]):
        over = f" over {width} classes" if width is not None else ""
        raise ValueError(f"answers to {images} images{over} came as {shape}")


def _collapsed(answers_MD: Tensor) -> bool:
    """Whether all images have the same answer."""
    spread = (answers_MD - answers_MD.mean(0)).norm(dim=1).max()
    length = answers_MD.norm(dim=1).max()
    return bool(spread <= ALIKE * length)


def _differ(images: npt.NDArray[np.uint8]) -> bool:
    """Whether not all images are the same; of one image, or copies, the answers may be."""
    return bool((images != images[:1]).any())
