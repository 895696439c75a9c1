"""The data set that a request comes to, and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fewshot_bench.data.tree import FileTree
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.registry.registry import Plugin, Registry, usable
from fewshot_bench.request import Request
from fewshot_bench.settings import Settings

__all__ = ["chosen_dataset", "dataset_notes", "dataset_settings", "is_recognised"]

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


def is_recognised(request: Request) -> bool:
    """Whether the files of the request tell its data set, as no name does."""
    names_one = request.dataset is not None or request.protocol is not None
    names_one = names_one or request.labels is not None
    return request.data is not None and not names_one


def chosen_dataset(request: Request, registry: Registry) -> Plugin[DataSet]:
    """The named data set, else that of the named protocol or files, else the standard one."""
    if request.dataset is not None:
        return registry.dataset(request.dataset)
    if request.labels is not None and request.protocol is None:
        return registry.dataset("folder")  # a table tells classes that no data set knows
    if request.data is not None and is_recognised(request):
        return _recognised(request.data, registry)
    having: dict[str, Plugin[DataSet]] = {}
    for plugin, dataset_class in usable(registry.datasets.values()):
        if request.protocol is None and dataset_class.card.standard:
            return plugin
        for protocol in dataset_class.protocols:
            having[protocol.name] = plugin
    if request.protocol not in having:
        raise unknown("protocol", str(request.protocol), having, "bench list shows them")
    return having[request.protocol]


def _recognised(path: Path, registry: Registry) -> Plugin[DataSet]:
    """The data set that recognises the files of a folder or archive, else `folder`."""
    with FileTree(path) as tree:
        for plugin, dataset_class in usable(registry.datasets.values()):
            if dataset_class.recognises(tree.files):
                return plugin
    return registry.dataset("folder")


def dataset_notes(request: Request, name: str) -> list[str]:
    """What a user should know of how the data set was chosen."""
    if not is_recognised(request):
        return []
    return [f"the data is read as {name}, by its files; --dataset names another data set"]


def dataset_settings(
    request: Request, name: str, settings_type: type[Settings], values: Mapping[str, str]
) -> Settings:
    """The settings of a data set: the given values and the request's options.

    Raises `UserError` for an option that this data set does not have.
    """
    chosen: dict[str, object] = dict(values)
    for option in DATASET_OPTIONS:
        value = getattr(request, option)
        if value is None:
            continue
        if option not in settings_type.names():
            flag = f"--{option.replace('_', '-')}"
            raise UserError(f"{flag} is not for {name}, which reads its own layout; leave it out")
        chosen[option] = str(value) if isinstance(value, Path) else value
    return settings_type.given(name, chosen).resolved()
