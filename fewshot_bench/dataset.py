"""A source of episodes: the base class of the files in `episodes/`."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.published import Published
from fewshot_bench.settings import Settings

__all__ = ["DataCard", "DataSet"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataCard:
    """Where a data set comes from.

    standard: it is used where none is named; needs_path: the user must say where it lies; found_as: names under which
    it is looked for in a folder of data sets; get_it: how to come by it; published: figures that papers print for systems
    that are no baselines here, by system.
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
    """A source of episodes: one public subclass a file in `episodes/`, named by the file's stem.

    protocols: its named protocols, the first few-shot one the default.
    """

    card: ClassVar[DataCard]
    protocols: ClassVar[tuple[FewShot | Classification, ...]] = ()
    settings_type: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings if settings is not None else self.settings_type()

    @abstractmethod
    def load(self, path: Path | None) -> LabelledImages:
        """The images, from the file or folder `path`; raises `UserError` where they are not what they should be."""

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether a folder or archive with these file names holds this data set."""
        del files
        return False
