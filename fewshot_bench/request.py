"""What a user asks for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fewshot_bench.files import user_path

if TYPE_CHECKING:
    from fewshot_bench.protocols.split import Size

__all__ = ["Request"]

PATHS = ("data", "data_folder", "episodes_file", "labels")
CLASSES = ("train_classes", "test_classes", "known")
LISTS = (
    "train_classes",
    "test_classes",
    "known",
    "shots",
    "train_per_class",
    "train_fraction",
    "baselines",
    "rules",
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks for. A value of None is taken from the protocol or the preset.

    dataset: None means the data set of the protocol, else the standard one; protocol: the name of a
    protocol of the data set; queries: a number or "all"; splits: "all" runs every split of the
    classes; known: train classes that are candidates beside the ways, or "all"; open_set: also ask
    about images of classes without references; train_per_class, train_fraction: train images of
    each class, as numbers or as shares, for a classification protocol; pairs: how many a pair
    protocol asks about; runs: how often that protocol splits and trains; test_images: a number, a
    share or "all"; unlabelled: the share of the train images of each class that lose their label;
    group_by: a regular
    expression that finds the group of an image (part, plate, wafer, coil) in the name of its file;
    class_level, fit, keep_masks: settings of a data
    set of files, see `class_layout` and `read_images`; labels: a table with the label of each
    picture; label_columns, multi_label, class_names: how it is read, see `label_layout`;
    crop_boxes: the margin with which each box becomes an image, see `cropped`; rules: names of
    decision rules, "own" or "all"; views: of each test image, 1 or 8; near_duplicates: keep, drop,
    group or report; settings: "owner.name" -> value as text; threads: of this run, and of each
    training on a processor in a folder of results that has none yet. A path may be given as text,
    and a single value may be given instead of a list.
    """

    dataset: str | None = None
    protocol: str | None = None
    data: Path | None = None
    data_folder: Path | None = None
    group_by: str | None = None
    class_level: int | None = None
    fit: str | None = None
    keep_masks: bool | None = None
    labels: Path | None = None
    label_columns: str | None = None
    multi_label: str | None = None
    class_names: str | None = None
    crop_boxes: float | None = None
    train_classes: Sequence[str] | None = None
    test_classes: Sequence[str] | None = None
    ways: int | None = None
    shots: Sequence[int] | None = None
    queries: int | str | None = None
    episodes: int | None = None
    episode_seed: int | None = None
    episodes_file: Path | None = None
    splits: str | None = None
    known: Sequence[str] | None = None
    open_set: bool | None = None
    near_duplicates: str = "report"
    train_per_class: Sequence[int] | None = None
    train_fraction: Sequence[float] | None = None
    runs: int | None = None
    pairs: int | None = None
    test_images: Size | str | None = None
    unlabelled: float | None = None
    baselines: Sequence[str] = ()
    rules: Sequence[str] = ()
    preset: str = "quick"
    views: int | None = None
    encoder: str | None = None
    weights: str | None = None
    image_size: int | None = None
    freeze: bool | None = None
    budget: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    seeds: int | None = None
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        # A frozen dataclass has no converters. Its fields are set here once, before anyone sees
        # the request, so that every reader finds paths and lists only.
        for name in PATHS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, user_path(value))
        for name in LISTS:
            value = getattr(self, name)
            if isinstance(value, (str, int, float)):
                object.__setattr__(self, name, (value,))
        for name in CLASSES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(map(_class_name, value)))


def _class_name(name: object) -> str:
    """A class as the data has it: a number as text, letters composed (NFC), no spaces around it."""
    return unicodedata.normalize("NFC", str(name)).strip()
