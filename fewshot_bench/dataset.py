"""The base class of the data sets in `episodes/`."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.published import Published
from fewshot_bench.settings import Settings

__all__ = ["DataCard", "DataSet", "under_own_name"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataCard:
    """Where a data set comes from.

    standard: it is used if the user names no data set; needs_path: the user must say where the
    files are; found_as: the file and folder names to look for in a folder of data sets; get_it: how
    to get the data; published: accuracies that papers print for systems that are not baselines
    here, by the name of the system.
    """

    title: str
    source: str
    year: int
    standard: bool = False
    needs_path: bool = True
    synthetic: bool = False
    found_as: tuple[str, ...] = ()
    get_it: str = ""
    published: Mapping[str, tuple[Published, ...]] = dataclasses.field(default_factory=dict)


class DataSet(ABC):
    """A data set with its named protocols.

    A file in `episodes/` defines one public subclass, and the file's stem is the data set's name.
    protocols: the named protocols; the first few-shot one is the default, or the first of all
    if none is.
    """

    card: ClassVar[DataCard]
    protocols: ClassVar[tuple[AnyProtocol, ...]] = ()
    settings_type: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Settings | None = None) -> None:
        if settings is None:
            settings = self.settings_type()
        self.settings = settings

    @abstractmethod
    def load(self, path: Path | None) -> LabelledImages:
        """Load the images from the file or folder `path`.

        path: None for a data set that is generated. Raises `UserError` if the files are not those
        of this data set.
        """

    def versioned_protocols(self) -> tuple[AnyProtocol, ...]:
        """`protocols`, in the version that belongs to the settings.

        Override it where a setting changes the images that the protocols mean.
        """
        return self.protocols

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether a folder or archive with these file names holds this data set."""
        del files
        return False


def under_own_name(
    data: LabelledImages, own_name: str, dataset_class: type[DataSet]
) -> LabelledImages:
    """The images of a data set under its own name, with what its class adds, such as -subset.

    A subclass of another data set loads images under the name of that one.
    """
    modules = [ancestor.__module__ for ancestor in dataset_class.__mro__]
    stems = [module.rpartition(".")[2].replace("_", "-") for module in modules]
    for stem in (own_name, *stems):
        if data.name.startswith(f"{stem}-"):
            name = own_name + data.name.removeprefix(stem)
            return dataclasses.replace(data, name=name)
    return dataclasses.replace(data, name=own_name)
