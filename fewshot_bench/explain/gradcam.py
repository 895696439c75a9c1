"""What an encoder looks at: Grad-CAM heat maps of test images.

Grad-CAM: Selvaraju et al., ICCV 2017, equations 1 and 2.

Shapes: N ways, K shots, Q queries, D features, B images of a batch, h x w places of a convolutional
stage, H x W pixels.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import own_method, scores_from_features
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import NotApplicable
from fewshot_bench.optional import library
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import NO_QUERY, blocks
from fewshot_bench.seeds import derive, global_seed

__all__ = ["Heat", "heats", "peaks", "stages"]

Ints = npt.NDArray[np.integer[Any]]
Size = tuple[int, int]
ScoreFunction = Callable[[Tensor], Tensor]
BATCH = 64  # images explained at once
EPISODE_BLOCK = 16  # episodes drawn at once
# Parts of autograd's messages when the scores do not depend on the layer.
NO_GRADIENT = ("does not require grad", "differentiated Tensors")


@dataclass(frozen=True, eq=False)
class Heat:
    """The heat map of a test image for one training.

    image: its index in the data set; answered: the predicted class; map_HW: heat of each pixel, 0
    or more, all 0 if no place speaks for the predicted class; places: (h, w) of the stage.
    """

    image: int
    answered: str
    map_HW: npt.NDArray[np.float32]
    places: Size


@dataclass(frozen=True, eq=False)
class _Task:
    """An episode, with the images that are explained in it."""

    classes_N: Ints
    support_NK: Ints
    images_Q: Ints


def heats(
    fitted: FittedBaseline,
    episode_set: EpisodeSet,
    choice: RuleChoice,
    *,
    stage: int,
    most: int | None,
) -> list[Heat]:
    """Heat maps of up to `most` test images (None: all), each explained in one episode.

    The target of Grad-CAM is the score of the predicted class. Of metric baselines this is the
    similarity of the image to the references of that class.

    stage: convolutional stage, counted from the last, which is 1.

    Raises `NotApplicable` if the baseline has no encoder, the encoder has no such stage, an answer
    depends on the other queries, or no gradient leads from the answer to the encoder.
    """
    baseline = fitted.baseline
    encoder = _encoder(baseline, choice)
    encoder.requires_grad_(True)  # a frozen encoder has heat maps too
    layer, places = _stage(baseline, fitted.images(np.arange(1)), stage)

    features = Features(fitted)
    positions = _positions(fitted)
    image_size = fitted.data.images.shape[-2:]
    class_names = episode_set.protocol.test_classes
    total = most or len(fitted.embedded)
    explained: list[Heat] = []
    for task in _tasks(episode_set, most):
        scores = _score_function(features, choice, positions[task.support_NK])
        for start in range(0, len(task.images_Q), BATCH):
            images_B = task.images_Q[start : start + BATCH]
            fitted.report("explain", len(explained), total)
            images_BCHW = fitted.images(positions[images_B])
            # A baseline may draw random numbers when it answers.
            seed = derive("heat", fitted.training.seed)
            with global_seed(seed):
                ways_B, maps_BHW = _grad_cam(scores, layer, images_BCHW, image_size)
            for image, way, map_HW in zip(images_B, ways_B, maps_BHW, strict=True):
                answered = class_names[task.classes_N[way]]
                explained.append(Heat(int(image), answered, map_HW, places))
    fitted.report("done", note=f"{len(explained)} images explained")
    return explained


def _encoder(baseline: Baseline, choice: RuleChoice) -> nn.Module:
    """The network that is explained; raises `NotApplicable` if the baseline cannot be explained."""
    if baseline.network is None or choice.name == "predict":
        raise NotApplicable("it answers without the features of an encoder")
    if baseline.card.transductive or choice.is_transductive:
        raise NotApplicable("its answer to an image depends on the others")
    return baseline.network


def _positions(fitted: FittedBaseline) -> Ints:
    """Of each image of the data set its position among the test images; -1 for other images."""
    positions = np.full(len(fitted.data), -1)
    positions[fitted.embedded] = np.arange(len(fitted.embedded))
    return positions


def _score_function(features: Features, choice: RuleChoice, support_NK: Ints) -> ScoreFunction:
    """A function from images (B, C, H, W) to their scores (B, N) in one episode.

    support_NK: positions among the test images.
    """
    fitted = features.fitted
    baseline = fitted.baseline

    def scores_of_head(images_BCHW: Tensor) -> Tensor:
        logits = baseline.logits(images_BCHW)
        return logits.float()

    method = own_method(choice.name)
    if method == "classifier":
        return scores_of_head
    rule = features.of_rule(choice).rule if method is None else method

    def scores_of_episode(images_BCHW: Tensor) -> Tensor:
        support_NKD = features.references(choice, support_NK)
        query_BD = baseline.embed(images_BCHW).float()
        return scores_from_features(baseline, rule, support_NKD, query_BD)

    return scores_of_episode


def _tasks(episode_set: EpisodeSet, most: int | None) -> Iterator[_Task]:
    """Episodes with the images to explain in them; no image comes twice.

    Each episode yields its unseen queries, then (few-shot only) other unseen images of its classes,
    at most one batch, or more if the episodes would not suffice for all images.
    """
    wanted = most
    if wanted is None:
        wanted = sum(count for _, count in episode_set.pool)
    share = math.ceil(wanted / episode_set.episodes)
    per_episode = max(BATCH, share)
    start = episode_set.first
    stop = start + episode_set.episodes

    seen: set[int] = set()
    for _, block in blocks(episode_set.source, start, stop, EPISODE_BLOCK):
        episodes = zip(block.classes_TN, block.support_TNK, block.query_TNQ, strict=True)
        for classes_N, support_NK, query_NQ in episodes:
            # A support image would be compared with itself, or with one of its group.
            excluded = {NO_QUERY, *seen, *episode_set.beside(support_NK)}
            unseen = []
            for image in _candidates(episode_set, classes_N, query_NQ):
                if image not in excluded:
                    excluded.add(image)
                    unseen.append(image)
            limit = min(per_episode, wanted - len(seen))
            images = unseen[:limit]
            seen.update(images)
            if images:
                yield _Task(classes_N, support_NK, np.array(images))
            if len(seen) == wanted:
                return


def _candidates(episode_set: EpisodeSet, classes_N: Ints, query_NQ: Ints) -> list[int]:
    """Queries of an episode, then (few-shot only) all images of its classes; classes take turns.

    An image may come twice, and there may be `NO_QUERY` in between.
    """
    candidates: list[int] = query_NQ.T.ravel().tolist()
    if episode_set.is_classification:
        return candidates
    class_images = []
    for label in classes_N:
        first, count = episode_set.pool[label]
        class_images.append(range(first, first + count))
    for images in itertools.zip_longest(*class_images, fillvalue=NO_QUERY):
        candidates.extend(images)
    return candidates


def _grad_cam(
    scores: ScoreFunction, layer: nn.Module, images_BCHW: Tensor, image_size: tuple[int, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The predicted way of each image (B,), and its heat map (B, H, W).

    Maps are enlarged to the image's size by bilinear interpolation.
    """
    captum = library("bench explain", "captum.attr", "explain")
    cam = captum.LayerGradCam(scores, layer)
    with torch.no_grad():
        ways_B = scores(images_BCHW).argmax(1)
    try:
        with torch.enable_grad():
            maps_B1hw: Tensor = cam.attribute(images_BCHW, target=ways_B, relu_attributions=True)
    except RuntimeError as error:
        message = str(error)
        if any(part in message for part in NO_GRADIENT):
            raise NotApplicable("no gradient leads from its answer to its encoder") from None
        raise
    maps_BHW = _enlarged(maps_B1hw.detach(), image_size)
    return ways_B.cpu().numpy(), maps_BHW


def _enlarged(maps_B1hw: Tensor, image_size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The maps at the image's size, (B, H, W)."""
    size = tuple(image_size)
    maps_B1HW = F.interpolate(maps_B1hw.float(), size, mode="bilinear")
    maps_BHW = maps_B1HW[:, 0].cpu()
    array_BHW: npt.NDArray[np.float32] = maps_BHW.numpy()
    return array_BHW


@functools.lru_cache(maxsize=8)
def peaks(places: Size, size: Size) -> npt.NDArray[np.float64]:
    """Probability of each pixel, (H, W), to be the maximum of a random heat map.

    Each place of the stage is the hottest with the same probability. Equal maxima share it.

    places: (h, w) of the stage; size: (H, W).
    """
    count = math.prod(places)
    probability_HW = np.zeros(size)
    for part in torch.arange(count).split(BATCH):
        # Maps of a single hot place each.
        hot_Bn = F.one_hot(part, count).float()
        maps_BHW = _enlarged(hot_Bn.view(-1, 1, *places), size)
        maximum_B11 = maps_BHW.max((1, 2), keepdims=True)
        is_maximum_BHW = maps_BHW == maximum_B11
        maxima_B11 = is_maximum_BHW.sum((1, 2), keepdims=True)
        shared_BHW = is_maximum_BHW / maxima_B11
        probability_HW += shared_BHW.sum(0) / count
    return probability_HW


@dataclass(frozen=True, eq=False)
class _Call:
    """A call of a module. name: of the module in the network; shape: of its output."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]


def stages(baseline: Baseline, image_1CHW: Tensor) -> list[tuple[nn.Module, Size]]:
    """The convolutional stages of the encoder, the last first.

    A stage is a part of the main path whose maps (1, C, h, w) have one size, more than 1 x 1. Given
    are the module at its end and (h, w).

    Not counted: modules inside a block that ends in another size, modules that are called twice,
    and modules that make maps larger again.
    """
    calls = _calls(baseline, image_1CHW)
    sizes: dict[str, Size] = {}
    outer_blocks = []
    for call in calls:
        if _is_map(call.shape, image_1CHW):
            sizes[call.name] = (call.shape[2], call.shape[3])
            # A Sequential is only a list of parts, any of which may end a stage.
            if not isinstance(call.module, nn.Sequential):
                outer_blocks.append(call.name)
    times_called = Counter(call.name for call in calls)

    ends: dict[Size, nn.Module] = {}
    smallest = math.inf
    for call in calls:
        size = sizes.get(call.name)
        if size is None or times_called[call.name] > 1 or math.prod(size) > smallest:
            continue
        is_inside = False
        for block in outer_blocks:
            if call.name.startswith(f"{block}.") and sizes[block] != size:
                is_inside = True
        if not is_inside:
            smallest = math.prod(size)
            ends[size] = call.module
    return [(module, size) for size, module in reversed(ends.items()) if size != (1, 1)]


def _calls(baseline: Baseline, image_1CHW: Tensor) -> list[_Call]:
    """The calls of the encoder's modules that return a tensor, in the order of their ends."""
    network = baseline.network
    assert network is not None
    calls: list[_Call] = []

    def record(name: str, module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            calls.append(_Call(name, module, tuple(output.shape)))

    hooks = []
    for name, module in network.named_modules():
        if name:  # the network itself has no name
            hook = functools.partial(record, name)
            hooks.append(module.register_forward_hook(hook))
    try:
        with torch.no_grad():
            baseline.embed(image_1CHW)
    finally:
        for handle in hooks:
            handle.remove()
    return calls


def _is_map(shape: tuple[int, ...], image_1CHW: Tensor) -> bool:
    """Whether a tensor of this shape is a map (B, C, h, w) of the image.

    Some networks have channels last. Their h x w is far more oblong than the image.
    """
    if len(shape) != 4:
        return False
    height, width = image_1CHW.shape[-2:]
    ratio = 2 * max(height, width) / min(height, width)
    shorter, longer = sorted(shape[2:])
    return longer <= ratio * shorter


def _stage(baseline: Baseline, image_1CHW: Tensor, stage: int) -> tuple[nn.Module, Size]:
    """One of the `stages`, counted from 1; raises `NotApplicable` if there is no such stage."""
    available = stages(baseline, image_1CHW)
    if not available:
        raise NotApplicable("its encoder has no convolutional stage with more than one place")
    if stage <= len(available):
        return available[stage - 1]
    sizes = []
    for number, (_, (height, width)) in enumerate(available, start=1):
        sizes.append(f"{number} ({height} x {width})")
    allowed = ", ".join(sizes)
    raise NotApplicable(f"its encoder has no stage {stage} (allowed: {allowed})")
