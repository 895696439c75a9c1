"""Our splits and episodes for the users of learn2learn, whose loops take them as they are.

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
from fewshot_bench.planning.resolve import load_data, settle_questions
from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["Tasksets", "tasksets"]

Transform = Callable[[Tensor], Tensor]


def _unchanged(image_CHW: Tensor) -> Tensor:
    return image_CHW


class Tasksets(NamedTuple):
    """Two of learn2learn's `Taskset`s. train: random tasks of the train classes, drawn as learn2learn does; test: task i
    is episode i of the protocol, the one that `bench run` puts to every baseline.

    A task is (images, labels): float32 images (N * (K + Q), C, H, W) in 0 to 1, class by class, and the way of each from
    0 on, in random order in `train`.
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
    """The data set, classes and episodes that a request settles, as tasks.

    Within a class of a test task the K support images come first, as the loops for prototypical networks expect;
    `interleaved` puts them at even places, as those for MAML expect, and needs as many queries as shots. transform: what
    is done to each image (C, H, W).
    Raises `UserError` where learn2learn is missing, the request has several shot values or is not of few shots.
    """
    data, protocols = load_data(request, Registry(plugins))
    questions = settle_questions(request, data, protocols)
    question, protocol = questions[0], questions[0].protocol
    if len(questions) > 1 or not isinstance(protocol, FewShot) or protocol.queries is None:
        raise UserError(
            f"{protocol.name} asks {len(questions)} questions; a taskset takes one shot value and a number of queries of a "
            "few-shot protocol, such as Request(shots=[5], queries=15)"
        )
    if interleaved and protocol.queries != question.shots:
        raise UserError(
            f"interleaved tasks need as many queries as shots, not {protocol.queries} and {question.shots}; give "
            f"queries={question.shots}"
        )
    order = _places(question.shots, protocol.queries, interleaved=interleaved)
    return Tasksets(
        _train(data, protocol, question.shots, transform),
        _test(_Images(data, transform), question, order),
    )


class _Images(Dataset[tuple[Tensor, int]]):
    """(image, label) by index; images as floats in 0 to 1."""

    def __init__(self, data: LabelledImages, transform: Transform) -> None:
        self.data, self.transform = data, transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(np.array(self.data.images[at])).float() / 255
        return self.transform(image), int(self.data.labels[at])


def _learn2learn(name: str) -> Any:
    return library("a taskset", f"learn2learn.{name}", "meta")


def _train(data: LabelledImages, protocol: FewShot, shots: int, transform: Transform) -> Any:
    """Random tasks of the train classes, with as many ways as there are, up to those of the protocol."""
    train = data.subset(protocol.train_classes)
    labels = dict(enumerate(train.labels.tolist()))
    of_label: dict[int, list[int]] = {}
    for at, label in labels.items():
        of_label.setdefault(label, []).append(at)
    l2l, steps = _learn2learn("data"), _learn2learn("data.transforms")
    images = l2l.MetaDataset(
        _Images(train, transform), labels_to_indices=of_label, indices_to_labels=labels
    )
    drawn = [
        steps.NWays(images, n=min(protocol.ways, len(of_label))),
        steps.KShots(images, k=shots + (protocol.queries or 0)),
        steps.LoadData(images),
        steps.RemapLabels(images),
        steps.ConsecutiveLabels(images),
    ]
    return l2l.Taskset(images, drawn)


def _test(images: _Images, question: EpisodeSet, order: list[int]) -> Any:
    """The protocol's episodes, each drawn when it is asked for."""
    base: Any = _learn2learn("data").Taskset

    class Episodes(base):  # type: ignore[misc]
        """Task i is episode i."""

        def __reduce__(self) -> tuple[object, ...]:
            return _test, (images, question, order)

        def __getitem__(self, at: int) -> tuple[Tensor, Tensor]:
            if not 0 <= at < question.episodes:
                raise IndexError(at)
            episode = question.source.draw(at, at + 1)
            rows_NM = np.concatenate([episode.support_TNK[0], episode.query_TNQ[0]], axis=1)[
                :, order
            ]
            labels = torch.arange(len(rows_NM)).repeat_interleave(rows_NM.shape[1])
            return torch.stack([images[row][0] for row in rows_NM.ravel().tolist()]), labels

    labels = dict(enumerate(images.data.labels.tolist()))
    whole = _learn2learn("data").MetaDataset(images, labels_to_indices={}, indices_to_labels=labels)
    return Episodes(whole, num_tasks=question.episodes)


def _places(shots: int, queries: int, *, interleaved: bool) -> list[int]:
    """Where the images of a way go: support at even places, or as they come."""
    if not interleaved:
        return list(range(shots + queries))
    return [at for pair in zip(range(shots), range(shots, 2 * shots), strict=True) for at in pair]
