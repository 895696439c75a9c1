"""Our splits and episodes as tasks for learn2learn, whose training loops take them as they are.

Shapes: M images, C channels, H x W pixels, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.optional import library
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.resolve import resolve_episodes
from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["Tasksets", "tasksets"]

Transform = Callable[[Tensor], Tensor]


def _unchanged(image_CHW: Tensor) -> Tensor:
    return image_CHW


class Tasksets(NamedTuple):
    """Two of learn2learn's `Taskset`s.

    train: random tasks of the train classes, drawn as learn2learn draws them; test: task i is
    episode i of the protocol, the same that `bench run` gives to every baseline.

    A task is (images, labels): float32 images (N * (K + Q), C, H, W) from 0 to 1, grouped by class,
    and their ways as labels 0 to N - 1; in `train` the classes come in random order.
    """

    train: Any
    test: Any


def tasksets(
    request: Request,
    *,
    interleaved: bool = False,
    transform: Transform = _unchanged,
    plugins: Sequence[Path | str] = (),
) -> Tasksets:
    """The data set, classes and episodes of a request, as tasks.

    Within each class of a test task the K support images come first, as loops for prototypical
    networks expect. interleaved: support images are at even positions instead, as loops for MAML
    expect; it needs as many queries as shots. transform: applied to each image (C, H, W).

    Raises `UserError` if learn2learn is not installed, or if the request has several shot values
    or is not few-shot.
    """
    data, episode_sets = resolve_episodes(request, Registry(plugins))
    episode_set = episode_sets[0]
    protocol = episode_set.protocol
    shots = episode_set.shots
    if len(episode_sets) > 1 or not isinstance(protocol, FewShot) or protocol.queries is None:
        raise UserError(
            f"{protocol.name} asks {len(episode_sets)} questions; a taskset takes one shot value "
            "and a number of queries of a few-shot protocol, such as Request(shots=[5], queries=15)"
        )
    if interleaved and protocol.queries != shots:
        raise UserError(
            f"interleaved tasks need as many queries as shots, not {protocol.queries} and {shots}; "
            f"give queries={shots}"
        )
    order = _order_in_way(shots, protocol.queries, interleaved=interleaved)
    return Tasksets(
        train=_train_taskset(data, episode_set, transform),
        test=_test_taskset(_ImageDataset(data, transform), episode_set, order),
    )


class _ImageDataset(Dataset[tuple[Tensor, int]]):
    """(image, label) by index; images as float32 from 0 to 1."""

    def __init__(self, data: LabelledImages, transform: Transform) -> None:
        self.data = data
        self.transform = transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels_CHW = np.array(self.data.images[index])
        image_CHW = torch.from_numpy(pixels_CHW).float() / 255
        label = int(self.data.labels[index])
        return self.transform(image_CHW), label


def _learn2learn(module: str) -> Any:
    """A module of learn2learn, imported late: it takes seconds and prints a notice."""
    return library("a taskset", f"learn2learn.{module}", "meta")


def _train_taskset(data: LabelledImages, episode_set: EpisodeSet, transform: Transform) -> Any:
    """Random tasks of the train classes, with the protocol's ways or as many as there are."""
    protocol = episode_set.protocol
    split = episode_set.split
    train = data.subset(split.train_classes, split.train)
    label_of_index = dict(enumerate(train.labels.tolist()))
    indices_of_label: dict[int, list[int]] = {}
    for index, label in label_of_index.items():
        indices_of_label.setdefault(label, []).append(index)
    data_module = _learn2learn("data")
    transforms = _learn2learn("data.transforms")
    images = data_module.MetaDataset(
        _ImageDataset(train, transform),
        labels_to_indices=indices_of_label,
        indices_to_labels=label_of_index,
    )
    ways = min(protocol.ways, len(indices_of_label))
    images_of_way = episode_set.shots + (protocol.queries or 0)
    # the order of learn2learn's steps: classes, images, pixels, labels from 0 on
    steps = [
        transforms.NWays(images, n=ways),
        transforms.KShots(images, k=images_of_way),
        transforms.LoadData(images),
        transforms.RemapLabels(images),
        transforms.ConsecutiveLabels(images),
    ]
    return data_module.Taskset(images, steps)


def _test_taskset(images: _ImageDataset, episode_set: EpisodeSet, order: list[int]) -> Any:
    """The episodes of the protocol, each drawn when it is asked for.

    order: of the images of a way, its support before its queries.
    """
    base: Any = _learn2learn("data").Taskset

    class Episodes(base):  # type: ignore[misc]
        """Task i is episode i."""

        # a class in a function cannot be pickled by name: make it again where it arrives
        def __reduce__(self) -> tuple[object, ...]:
            return _test_taskset, (images, episode_set, order)

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            if not 0 <= index < episode_set.episodes:
                raise IndexError(index)
            episode = episode_set.source.draw(index, index + 1)
            images_NM = np.concatenate([episode.support_TNK[0], episode.query_TNQ[0]], axis=1)
            ways, images_of_way = images_NM.shape
            chosen = images_NM[:, order].ravel().tolist()
            labels = torch.arange(ways).repeat_interleave(images_of_way)
            tensors = [images[position][0] for position in chosen]
            return torch.stack(tensors), labels

    label_of_index = dict(enumerate(images.data.labels.tolist()))
    # tasks are not drawn by label, so the other table stays empty
    whole = _learn2learn("data").MetaDataset(
        images, labels_to_indices={}, indices_to_labels=label_of_index
    )
    return Episodes(whole, num_tasks=episode_set.episodes)


def _order_in_way(shots: int, queries: int, *, interleaved: bool) -> list[int]:
    """The order of the images of a way: as they come, or support at even positions."""
    if not interleaved:
        return list(range(shots + queries))
    order = []
    for support in range(shots):
        query = shots + support
        order += [support, query]
    return order
