"""The images of a data set, with its settings, or of several put together."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.contract.finding import described
from fewshot_bench.data.crops import cropped
from fewshot_bench.data.groups import grouped_by_name
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.mixture import of_part, put_together
from fewshot_bench.dataset import DataCard, DataSet, under_own_name
from fewshot_bench.errors import UserError
from fewshot_bench.planning.dataset_choice import HELDOUT, DataSetChoice
from fewshot_bench.planning.dataset_paths import dataset_paths
from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.protocols.sides import both_sides
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.request import Request
from fewshot_bench.settings import Settings

__all__ = ["MixtureSettings", "ResolvedData", "loaded_data"]

# options of a request that are settings of a data set, if it has one of that name
DATASET_OPTIONS = (
    "class_level",
    "fit",
    "keep_masks",
    "labels",
    "label_columns",
    "multi_label",
    "class_names",
)
Protocols = Sequence[AnyProtocol]


@dataclass(frozen=True, kw_only=True)
class MixtureSettings(Settings):
    """Of several data sets put together. side: of all images, in pixels; 0: the shortest of all."""

    side: int = 0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(self.side == 0 or self.side >= 8, "side", "0, or 8 or more pixels")


@dataclass(frozen=True, eq=False)
class ResolvedData:
    """The images of a data set, and its named protocols."""

    choice: DataSetChoice
    data: LabelledImages
    protocols: Protocols


def loaded_data(
    request: Request, choice: DataSetChoice, overrides: Mapping[str, Mapping[str, str]]
) -> ResolvedData:
    """Load the images that the request names. overrides: settings as text, by owner."""
    _refuse_unused_options(request, choice)
    images = []
    protocols: list[Protocols] = []
    for plugin, path in zip(choice.parts, dataset_paths(request, choice), strict=True):
        dataset_class = plugin.load()
        if path is None and dataset_class.card.needs_path:
            raise _without_data(plugin.name, dataset_class.card)
        values = overrides.get(plugin.name, {})
        settings = _settings(request, plugin.name, dataset_class.settings_type, values)
        source = dataset_class(settings)
        loaded = under_own_name(_loaded(source, path), plugin.name, dataset_class)
        images.append(_prepared(request, loaded))
        protocols.append(source.versioned_protocols())
    if choice.is_mixture:
        values = overrides.get(choice.name, {})
        of_whole = MixtureSettings.given(choice.name, values)
        data = put_together(images, of_whole.side)
        named: Protocols = _mixed_protocols(choice.name, images, protocols)
    else:
        data = images[0]
        named = protocols[0]
    return ResolvedData(choice, data, named)


def _loaded(source: DataSet, path: Path | None) -> LabelledImages:
    """The images of a data set. Raises `UserError` for whatever its code raises."""
    try:
        return source.load(path)
    except (UserError, OSError, MemoryError):
        raise  # told as they are
    except Exception as error:
        raise UserError(
            f"the data set of {inspect.getfile(type(source))} cannot be loaded: "
            f"{described(error, type(source))}; bench check tells what it must do"
        ) from error


def _without_data(name: str, card: DataCard) -> UserError:
    """The error for a data set that reads files, and has no path."""
    get_it = card.get_it or "name its folder or archive with --data"
    folder = ", or put it into the folder $FEWSHOT_BENCH_DATA" if card.found_as else ""
    return UserError(f"{name} needs its data: {get_it}{folder}")


def _prepared(request: Request, data: LabelledImages) -> LabelledImages:
    """The images of a data set in their own size, with groups by name, or the crops of them."""
    if request.group_by is not None:
        data = grouped_by_name(data, request.group_by)
    if request.crop_boxes is not None:
        data = cropped(data, request.crop_boxes)
    return data


def _refuse_unused_options(request: Request, choice: DataSetChoice) -> None:
    """Raise `UserError` for an option that is a setting of no part, and for level 0."""
    names: set[str] = set()
    for plugin in choice.parts:
        names.update(plugin.load().settings_type.names())
    for option in DATASET_OPTIONS:
        if getattr(request, option) is not None and option not in names:
            flag = f"--{option.replace('_', '-')}"
            raise UserError(
                f"{flag} is not for {choice.name}, which reads its own layout; leave it out"
            )
    if request.class_level is not None and request.class_level < 1:
        raise UserError(
            f"--class-level {request.class_level} is out of bounds (allowed: 1 or more, 1 being "
            "the folders directly in what is named); leave it out to take the level that varies"
        )


def _settings(
    request: Request, name: str, settings_type: type[Settings], values: Mapping[str, str]
) -> Settings:
    """The settings of a data set: the given values, and the options that are settings of it."""
    chosen: dict[str, object] = dict(values)
    for option in DATASET_OPTIONS:
        value = getattr(request, option)
        if value is not None and option in settings_type.names():
            chosen[option] = str(value) if isinstance(value, Path) else value
    return settings_type.given(name, chosen).resolved()


def _mixed_protocols(
    name: str, parts: Sequence[LabelledImages], protocols: Sequence[Protocols]
) -> list[FewShot]:
    """The protocol with the test classes of each part's default protocol, if each part has one."""
    train: list[str] = []
    test: list[str] = []
    for data, of_data in zip(parts, protocols, strict=True):
        default = next((one for one in of_data if isinstance(one, FewShot)), None)
        if default is None:
            return []
        sides = both_sides(data, default.train_classes, default.test_classes)
        train += [of_part(data.name, class_name) for class_name in sides[0]]
        test += [of_part(data.name, class_name) for class_name in sides[1]]
    return [
        FewShot(
            name=f"{name}{HELDOUT}",
            dataset=name,
            train_classes=tuple(train),
            test_classes=tuple(test),
        )
    ]
