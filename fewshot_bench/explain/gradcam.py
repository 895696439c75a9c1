"""What an encoder looks at: Grad-CAM (Selvaraju et al., ICCV 2017) of test images.

Shapes: N ways, K shots, D features, B images of a batch, h x w places of a convolutional stage, H x W pixels.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import rule_of, scores_from_features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import NotApplicable
from fewshot_bench.optional import library
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.protocols.episode import NO_QUERY, blocks
from fewshot_bench.seeds import derive, global_seed

__all__ = ["Heat", "heats", "peaks", "stages"]

Ints = npt.NDArray[np.integer[Any]]
BATCH = 64  # images explained at once
CUT_OFF = (
    "does not require grad",
    "differentiated Tensors",
)  # what autograd says of a layer that the answer is no function of
EPISODES = 16  # drawn at once, in search of images that were not asked about yet


@dataclass(frozen=True, eq=False)
class Heat:
    """A test image as one training saw it. image: its index in the data set; answered: the class it was taken for;
    map_HW: at its own size, 0 or more, all 0 where nothing spoke for the answer; places: (h, w) of the stage.
    """

    image: int
    answered: str
    map_HW: npt.NDArray[np.float32]
    places: tuple[int, int]


def heats(
    fitted: FittedBaseline, question: EpisodeSet, *, stage: int, most: int | None
) -> list[Heat]:
    """The heat of up to `most` test images (None: all), each asked about in one episode.

    The target is the score of the way that is answered: of metric baselines how alike the image is to that class's
    references. stage: counted from the last convolutional one, 1.

    Raises `NotApplicable` for a baseline without an encoder, one whose encoder has no such stage, or whose answer no
    gradient leads through.
    """
    baseline, data = fitted.baseline, fitted.data
    how = rule_of(type(baseline), is_classification=question.is_classification)
    if baseline.network is None or how == "predict":
        raise NotApplicable("it answers without the features of an encoder")
    if baseline.card.transductive:
        raise NotApplicable("its answer to an image depends on the others")
    baseline.network.requires_grad_(True)  # a frozen one has maps too
    layer, places = _stage(baseline, fitted.images(np.arange(1)), stage)
    position = np.full(len(data), -1)
    position[fitted.test] = np.arange(len(fitted.test))
    found: list[Heat] = []
    for support_NK, query_Q, classes_N in _first_asked(question, most):

        def scores(images_BCHW: Tensor, support_NK: Ints = support_NK) -> Tensor:
            if how == "classifier":
                return baseline.logits(images_BCHW).float()
            support_NKD = fitted.embeddings_MD[
                torch.from_numpy(position[support_NK]).to(fitted.device)
            ]
            return scores_from_features(
                baseline, how, support_NKD, baseline.embed(images_BCHW).float()
            )

        for at in range(0, len(query_Q), BATCH):
            part = query_Q[at : at + BATCH]
            fitted.tell("explain", len(found), most or len(fitted.test))
            with global_seed(derive("heat", fitted.training.seed)):
                ways_B, maps = _grad_cam(
                    scores, layer, fitted.images(position[part]), data.images.shape[-2:]
                )
            names = [question.protocol.test_classes[label] for label in classes_N[ways_B]]
            found += [
                Heat(int(image), name, one, places)
                for image, name, one in zip(part, names, maps, strict=True)
            ]
    fitted.tell("done", note=f"{len(found)} images explained")
    return found


def _first_asked(question: EpisodeSet, most: int | None) -> Iterator[tuple[Ints, Ints, Ints]]:
    """(support (N, K), queries, classes (N,)) of episodes: each has its own queries, and in few-shot protocols then other
    images of its classes, that no earlier one had, up to a batch of them, or what it takes to come to all.
    """
    seen: set[int] = set()
    wanted = sum(count for _, count in question.pool) if most is None else most
    each = max(BATCH, -(-wanted // question.episodes))
    for _, part in blocks(
        question.source, question.first, question.first + question.episodes, EPISODES
    ):
        for classes_N, support_NK, query_NQ in zip(
            part.classes_TN, part.support_TNK, part.query_TNQ, strict=True
        ):
            others = []
            if not question.is_classification:
                others = [range(f, f + n) for f, n in (question.pool[c] for c in classes_N)]
            turns = [
                *query_NQ.T.ravel().tolist(),
                *(i for turn in itertools.zip_longest(*others) for i in turn),
            ]
            taken = {None, NO_QUERY, *support_NK.ravel().tolist(), *seen}
            new = [i for i in dict.fromkeys(turns) if i not in taken][
                : min(each, wanted - len(seen))
            ]
            seen.update(new)
            if new:
                yield support_NK, np.array(new), classes_N
            if len(seen) == wanted:
                return


def _grad_cam(
    scores: Callable[[Tensor], Tensor], layer: nn.Module, images_BCHW: Tensor, size: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The way each image goes to (B,), and its heat (B, H, W), brought to the image's size by bilinear interpolation."""
    cam = library("bench explain", "captum.attr", "explain").LayerGradCam(scores, layer)
    with torch.no_grad():
        ways_B = scores(images_BCHW).argmax(1)
    try:
        with torch.enable_grad():
            maps: Tensor = cam.attribute(images_BCHW, target=ways_B, relu_attributions=True)
    except RuntimeError as error:
        if not any(told in str(error) for told in CUT_OFF):
            raise
        raise NotApplicable("no gradient leads from its answer to its encoder") from None
    return ways_B.cpu().numpy(), _enlarged(maps.detach(), size)


def _enlarged(maps_B1hw: Tensor, size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """(B, H, W)."""
    return F.interpolate(maps_B1hw.float(), tuple(size), mode="bilinear")[:, 0].cpu().numpy()


@functools.lru_cache(maxsize=8)
def peaks(places: tuple[int, int], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(H, W), 1 in all: how likely the maximum of a heat map lies at each pixel, if each place is as likely the hottest."""
    count, likely_HW = places[0] * places[1], np.zeros(size)
    for part in torch.arange(count).split(BATCH):
        single = _enlarged(F.one_hot(part, count).float().view(-1, 1, *places), size)
        at_top = single == single.max((1, 2), keepdims=True)
        likely_HW += (at_top / at_top.sum((1, 2), keepdims=True)).sum(0) / count
    return likely_HW


def stages(baseline: Baseline, image_1CHW: Tensor) -> list[tuple[nn.Module, tuple[int, int]]]:
    """The convolutional stages of its encoder, the last first: the module that ends each, and its (h, w), more than 1 x 1.

    A stage is what gives maps (1, C, h, w) of one size along the main path: not what happens inside a block that ends in
    another size, nor what is called twice, nor a pooling layer that makes maps larger again.
    """
    network = baseline.network
    assert network is not None
    called: list[tuple[str, nn.Module, Tensor]] = []

    def look(name: str, module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            called.append((name, module, output))

    hooks = [
        module.register_forward_hook(functools.partial(look, name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            baseline.embed(image_1CHW)
    finally:
        for hook in hooks:
            hook.remove()
    shape = image_1CHW.shape[-2:]
    oblong = (
        2 * max(shape) / min(shape)
    )  # more than that is no map: some networks have channels last
    sizes = {
        name: (int(output.shape[2]), int(output.shape[3]))
        for name, _, output in called
        if output.ndim == 4 and max(output.shape[2:]) <= oblong * min(output.shape[2:])
    }
    blocks = {
        name
        for name, module, _ in called
        if name in sizes and not isinstance(module, nn.Sequential)
    }
    ends: dict[tuple[int, int], nn.Module] = {}
    smallest = math.inf
    for name, module, _ in called:
        inside = [
            outer
            for outer in blocks
            if name.startswith(f"{outer}.") and sizes[outer] != sizes.get(name)
        ]
        once = sum(other == name for other, _, _ in called) == 1
        if name in sizes and once and not inside and math.prod(sizes[name]) <= smallest:
            smallest = math.prod(sizes[name])
            ends[sizes[name]] = module
    return [(module, size) for size, module in reversed(ends.items()) if math.prod(size) > 1]


def _stage(baseline: Baseline, image_1CHW: Tensor, stage: int) -> tuple[nn.Module, tuple[int, int]]:
    found = stages(baseline, image_1CHW)
    if not found:
        raise NotApplicable("its encoder has no convolutional stage with more than one place")
    if stage > len(found):
        sizes = ", ".join(f"{at} ({h} x {w})" for at, (_, (h, w)) in enumerate(found, start=1))
        raise NotApplicable(f"its encoder has no stage {stage} (allowed: {sizes})")
    return found[stage - 1]
