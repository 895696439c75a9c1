"""Where the files of a data set lie, or of each of several that are put together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from fewshot_bench.data.mixture import PLUS
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path
from fewshot_bench.planning.dataset_choice import DataSetChoice
from fewshot_bench.registry.registry import Plugin
from fewshot_bench.request import Request

__all__ = ["dataset_paths", "path_in"]


def dataset_paths(request: Request, choice: DataSetChoice) -> list[Path | None]:
    """The path of each part; None for one that is generated, and for a single one not found.

    Several are in one folder, or each is at a path of its own, with + between them. Raises
    `UserError` if they are not there.
    """
    if not choice.is_mixture:
        (plugin,) = choice.parts
        return [request.data or path_in(request.data_folder, plugin.load())]
    readers = [plugin for plugin in choice.parts if plugin.load().card.needs_path]
    if not readers and request.data is not None:
        raise UserError(
            f"{choice.name} is generated and reads no data, but --data {request.data} was given; "
            "leave it out"
        )
    paths = dict(zip(readers, _paths_of(request, choice, readers), strict=True))
    return [paths.get(plugin) for plugin in choice.parts]


def _paths_of(
    request: Request, choice: DataSetChoice, readers: Sequence[Plugin[DataSet]]
) -> list[Path]:
    """The path of each of `readers`, which are the parts of the choice that read files."""
    data = request.data
    if data is None:
        return [_in_folder(choice, plugin, request.data_folder, readers) for plugin in readers]
    if len(readers) == 1:
        return [data]
    if data.is_dir():
        return [_in_folder(choice, plugin, data, readers) for plugin in readers]
    texts = [text.strip() for text in str(data).split(PLUS)]
    if len(texts) == len(readers) and all(texts):
        return [user_path(text) for text in texts]
    joined = [paths for paths in _joined(texts, len(readers)) if all(map(Path.exists, paths))]
    if len(joined) == 1:
        return joined[0]
    number = "1 path" if len(texts) == 1 else f"{len(texts)} paths"
    raise UserError(
        f"--data {data} is {number}, and {choice.name} reads {len(readers)} data sets; "
        f"{_remedy(readers)}"
    )


def _joined(texts: Sequence[str], count: int) -> Iterator[list[Path]]:
    """Every way to make so many paths of neighbouring texts, as a path may hold a + itself."""
    for inner in itertools.combinations(range(1, len(texts)), count - 1):
        bounds = [0, *inner, len(texts)]
        paths = []
        for start, stop in itertools.pairwise(bounds):
            paths.append(user_path(PLUS.join(texts[start:stop])))
        yield paths


def _in_folder(
    choice: DataSetChoice,
    plugin: Plugin[DataSet],
    folder: Path | None,
    readers: Sequence[Plugin[DataSet]],
) -> Path:
    path = path_in(folder, plugin.load())
    if path is not None:
        return path
    names = plugin.load().card.found_as
    if folder is None:
        reason = "and no path is named"
    elif names:
        reason = f"and {folder} has none of {', '.join(names)}"
    else:
        reason = f"which has no name of its own in {folder}"
    raise UserError(f"{choice.name} needs the data of {plugin.name}, {reason}; {_remedy(readers)}")


def _remedy(readers: Sequence[Plugin[DataSet]]) -> str:
    example = PLUS.join(plugin.name.upper() for plugin in readers)
    if len(readers) == 1:
        return f"name its path: --data {example}"
    order = ", ".join(plugin.name for plugin in readers)
    return (
        f"name a path for each, with + between them, in the order {order}: --data {example}, or "
        "one folder that holds all of them"
    )


def path_in(folder: Path | None, dataset_class: type[DataSet]) -> Path | None:
    """Where the data set lies in the folder of data sets, or None."""
    if folder is None:
        return None
    for name in dataset_class.card.found_as:
        if (folder / name).exists():
            return folder / name
    return None
