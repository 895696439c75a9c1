"""What a user asks for."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewshot_bench.errors import unknown
from fewshot_bench.files import user_path
from fewshot_bench.lists import names, read_number, whole

if TYPE_CHECKING:
    from fewshot_bench.protocols.split import Size

__all__ = ["Request", "data_folder", "placed", "requested"]

PATHS = ("data", "data_folder", "episodes_file", "labels")
CLASSES = ("train_classes", "test_classes", "known")
WHOLE_NUMBERS = (
    "ways",
    "queries",
    "episodes",
    "episode_seed",
    "runs",
    "pairs",
    "views",
    "image_size",
    "budget",
    "seed",
    "seeds",
    "threads",
)
ALL = "all"  # in the place of a number
# fields that hold a list -> what reads an entry, and what is allowed
Reading = tuple[Callable[[Any], Any], str]
NAMES: Reading = (str, "names, such as 'a,b'")
SHOTS: Reading = (whole, "whole numbers, such as '1,5'")
LISTS: dict[str, Reading] = {
    "train_classes": NAMES,
    "test_classes": NAMES,
    "known": NAMES,
    "shots": SHOTS,
    "train_per_class": SHOTS,
    "train_fraction": (float, "shares, such as '0.8,0.6'"),
    "baselines": NAMES,
    "rules": NAMES,
}


def data_folder() -> Path | None:
    """The folder of data sets that the environment names in $FEWSHOT_BENCH_DATA, or None."""
    folder = os.environ.get("FEWSHOT_BENCH_DATA")
    return Path(folder) if folder else None


@dataclass(frozen=True, kw_only=True, repr=False)
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
    group or report; settings: "owner.name" -> value as text; seed: of the first training, by
    default 0; each further one of `seeds` has the next; device: auto, cpu, cuda or cuda:N; threads:
    of this run, and of each training on a processor in a folder of results that has none yet;
    data_folder: where data sets are looked for that have no path, $FEWSHOT_BENCH_DATA if it is left
    out.

    Values may be written as on the command line: a path as text, a list as text with commas
    (`shots="1,5"`), a single value in the place of a list. Raises `UserError` for text that cannot
    be read.
    """

    dataset: str | None = None
    protocol: str | None = None
    data: Path | None = None
    data_folder: Path | None = field(default_factory=data_folder)
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
    seed: int | None = None
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
        for name in WHOLE_NUMBERS:
            value = getattr(self, name)
            if value not in (None, ALL):
                number = read_number(name, value, whole, "a whole number")
                object.__setattr__(self, name, number)
        for name in LISTS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _entries(name, value))
        for name in CLASSES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(map(_class_name, value)))
        texts = {name: str(value) for name, value in self.settings.items()}
        object.__setattr__(self, "settings", texts)

    def __repr__(self) -> str:
        """The fields that were given."""
        given = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value != _default(one):
                given.append(f"{one.name}={value!r}")
        return f"Request({', '.join(given)})"


def requested(request: Request | Path | str | None, options: Mapping[str, Any]) -> Request:
    """A request with these fields, on top of those of `request`.

    request: also what `placed` takes. Raises `UserError` for an option that is no field, and for
    what cannot be read.
    """
    known = [one.name for one in fields(Request)]
    for name in options:
        if name not in known:
            raise unknown("option", name, known)
    if isinstance(request, Request):
        return replace(request, **options)
    given = {} if request is None else placed(request)
    return Request(**{**given, **options})


def placed(data: Path | str) -> dict[str, Any]:
    """The field of a request that `data` is: the path of data, or the name of a data set.

    It is a path if there is something, or if no data set could be called so.
    """
    path = user_path(data)
    looks_like_path = bool(path.suffix) or len(path.parts) > 1 or str(data).endswith("/")
    if isinstance(data, Path) or looks_like_path or path.exists():
        return {"data": path}
    return {"dataset": data}


def _default(one: Field[Any]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _entries(name: str, value: Any) -> tuple[Any, ...]:
    """The entries of a list that is written as text, as a single value, or as a sequence."""
    read, allowed = LISTS[name]
    if isinstance(value, str):
        value = names(name, value)
    entries = value if isinstance(value, Iterable) else (value,)
    return tuple(read_number(name, entry, read, allowed) for entry in entries)


def _class_name(name: object) -> str:
    """A class as the data has it: a number as text, letters composed (NFC), no spaces around it."""
    return unicodedata.normalize("NFC", str(name)).strip()
