"""Which images each split of a plan trains on and tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.plan import Plan

__all__ = ["COLUMNS", "episode_sets_of_splits", "image_table", "parts_of"]

COLUMNS = ("split", "train_size", "run", "part", "image", "class", "file")
Indices = npt.NDArray[np.int64]


def episode_sets_of_splits(plan: Plan) -> list[EpisodeSet]:
    """An episode set for each split of the images, in the order of the plan."""
    first: dict[tuple[object, ...], EpisodeSet] = {}
    for cell in plan.cells:
        split = cell.episode_set.split
        key = (split.train_digest, split.embedded_digest, split.run)
        first.setdefault(key, cell.episode_set)
    return list(first.values())


def parts_of(episode_set: EpisodeSet) -> Mapping[str, Indices]:
    """The images of each part of a split, as indices into the data set.

    train; test; unlabelled: train images whose label no method is told; known: images of train
    classes that are only tested, as queries of known classes. A part without images is left out.
    """
    split = episode_set.split
    test = episode_set.test_images
    trained = np.concatenate([split.train, split.unlabelled])
    parts = {
        "train": split.train,
        "unlabelled": split.unlabelled,
        "test": test,
        "known": np.setdiff1d(split.embedded, np.concatenate([trained, test])),
    }
    filled = {}
    for name, images in parts.items():
        if len(images):
            filled[name] = images.astype(np.int64)
    return filled


def image_table(data: LabelledImages, episode_sets: Iterable[EpisodeSet]) -> pd.DataFrame:
    """A line a split x image. split: counted from 0; image: its index in the data set."""
    names = np.array(data.class_names, dtype=object)
    files = np.array(data.files, dtype=object)
    frames = []
    for number, episode_set in enumerate(episode_sets):
        for part, images in parts_of(episode_set).items():
            columns = {
                "split": number,
                "train_size": episode_set.train_size,
                "run": episode_set.split.run,
                "part": part,
                "image": images,
                "class": names[data.labels[images]],
                "file": files[images],
            }
            frames.append(pd.DataFrame(columns, columns=list(COLUMNS)))
    table = pd.concat(frames, ignore_index=True)
    return table.astype({"train_size": "Float64", "run": "Int64"})
