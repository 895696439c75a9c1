"""The data set that a request comes to, or several that are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.mixture import PLUS
from fewshot_bench.data.tree import FileTree
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.published import Published
from fewshot_bench.registry.registry import Plugin, Registry, usable
from fewshot_bench.request import Request

__all__ = ["HELDOUT", "DataSetChoice", "chosen_dataset", "dataset_notes", "is_recognised"]

HELDOUT = "-heldout"  # ends the name of the protocol of data sets put together


@dataclass(frozen=True)
class DataSetChoice:
    """A data set, or several that are put together. parts: in the order of the request."""

    parts: tuple[Plugin[DataSet], ...]

    @property
    def name(self) -> str:
        """The name of the data set, or of all with + between them."""
        return PLUS.join(part.name for part in self.parts)

    @property
    def is_mixture(self) -> bool:
        """Whether it is several data sets."""
        return len(self.parts) > 1

    @property
    def owners(self) -> list[str]:
        """Whose settings a request may give: those of each part, and those of the whole."""
        return list(dict.fromkeys([*(part.name for part in self.parts), self.name]))

    @property
    def published(self) -> Mapping[str, tuple[Published, ...]]:
        """What papers print, by system. Nobody printed anything of several data sets together."""
        if self.is_mixture:
            return {}
        return self.parts[0].load().card.published


def is_recognised(request: Request) -> bool:
    """Whether the files of the request tell its data set, as no name does."""
    names_one = request.dataset is not None or request.protocol is not None
    names_one = names_one or request.labels is not None
    return request.data is not None and not names_one


def chosen_dataset(request: Request, registry: Registry) -> DataSetChoice:
    """The named data set, else that of the named protocol or files, else the standard one."""
    if request.dataset is not None:
        return _named(request.dataset, registry)
    if request.labels is not None and request.protocol is None:
        # a table tells classes that no data set knows
        return DataSetChoice((registry.dataset("folder"),))
    if request.data is not None and is_recognised(request):
        return DataSetChoice((_recognised(request.data, registry),))
    having: dict[str, Plugin[DataSet]] = {}
    for plugin, dataset_class in usable(registry.datasets.values()):
        if request.protocol is None and dataset_class.card.standard:
            return DataSetChoice((plugin,))
        for protocol in dataset_class.protocols:
            having[protocol.name] = plugin
    name = str(request.protocol)
    if name not in having:
        if PLUS in name and name.endswith(HELDOUT):
            return _named(name.removesuffix(HELDOUT), registry)
        raise unknown("protocol", name, having, "bench list shows them")
    return DataSetChoice((having[name],))


def _named(name: str, registry: Registry) -> DataSetChoice:
    """The data set of that name, or those with + between their names, each once."""
    parts: list[Plugin[DataSet]] = []
    for part_name in name.split(PLUS):
        if PLUS in name and not part_name.strip():
            raise UserError(f"data set {name!r} has no name beside {PLUS}; write NAME{PLUS}NAME")
        part = registry.dataset(part_name.strip())
        if part in parts:
            raise UserError(f"data set {part.name!r} is named twice in {name!r}; name it once")
        parts.append(part)
    return DataSetChoice(tuple(parts))


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
