"""Names -> baselines and data sets: the plug-in folders are listed, each file is imported when it is asked for."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from fewshot_bench.baseline import Baseline, Decision, decision
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown

__all__ = ["Plugin", "Registry", "decided_by", "usable"]

Kind = TypeVar("Kind", Baseline, DataSet)


@dataclass(frozen=True)
class Plugin(Generic[Kind]):
    """One file that defines one baseline or data set; `folder` is the plug-in package it belongs to."""

    name: str
    path: Path
    folder: str
    base: type[Kind]

    @property
    def sha256(self) -> str:
        """Of the file: an edited file is another method."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def load(self) -> type[Kind]:
        """Its class; raises `UserError` with the reason where the file cannot be imported or defines none or several."""
        module = _import(f"fewshot_bench.plugins.{self.folder}.{self.path.stem}", self.path)
        found = _defined(module, self.base)
        if len(found) != 1:
            names = ", ".join(kind.__name__ for kind in found) or "none"
            raise UserError(f"{self.path} defines {len(found)} public {self.base.__name__} classes ({names}; allowed: one)")
        if not hasattr(found[0], "card"):
            raise UserError(f"{self.path}: {found[0].__name__} has no card; give it one with a title and a source")
        return found[0]


class Registry:
    """The baselines and data sets that can be named: those of the plug-in folders and those of `files`.

    Raises `UserError` where two files claim one name, or where one of `files` is missing or defines neither.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.baselines = {plugin.name: plugin for plugin in _listed("baselines", Baseline)}
        self.datasets = {plugin.name: plugin for plugin in _listed("episodes", DataSet)}
        for path in files:
            self._add(path)

    def _add(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"--plugin {path} is not a file; name a Python file that defines a Baseline or a DataSet")
        module = _import(f"fewshot_bench.plugins.baselines.{path.stem}", path.resolve())
        if _defined(module, Baseline):
            _claim(self.baselines, Plugin(path.stem, path.resolve(), "baselines", Baseline))
        elif _defined(module, DataSet):
            _claim(self.datasets, Plugin(_dashed(path.stem), path.resolve(), "baselines", DataSet))
        else:
            raise UserError(f"--plugin {path} defines no public subclass of Baseline or DataSet; add one")

    def baseline(self, name: str) -> Plugin[Baseline]:
        """The baseline of that name; raises `UserError` where there is none."""
        return _named(self.baselines, "baseline", name)

    def dataset(self, name: str) -> Plugin[DataSet]:
        """The data set of that name; raises `UserError` where there is none."""
        return _named(self.datasets, "data set", _dashed(name))


def usable(plugins: dict[str, Plugin[Kind]]) -> Iterator[tuple[Plugin[Kind], type[Kind]]]:
    """Those that can be loaded, with their classes; a broken file that nobody named is for `bench list` to show."""
    for plugin in plugins.values():
        with contextlib.suppress(UserError):
            yield plugin, plugin.load()


def _named(plugins: dict[str, Plugin[Kind]], what: str, name: str) -> Plugin[Kind]:
    if name not in plugins:
        raise unknown(what, name, sorted(plugins), "bench list shows them")
    return plugins[name]


def _listed(folder: str, base: type[Kind]) -> Iterator[Plugin[Kind]]:
    package = importlib.import_module(f"fewshot_bench.plugins.{folder}")
    plugins: dict[str, Plugin[Kind]] = {}
    for place in package.__path__:
        for path in sorted(Path(place).glob("[!_]*.py")):
            name = _dashed(path.stem) if base is DataSet else path.stem
            _claim(plugins, Plugin(name, path.resolve(), folder, base))
    yield from plugins.values()


def _claim(plugins: dict[str, Plugin[Kind]], plugin: Plugin[Kind]) -> None:
    taken = plugins.setdefault(plugin.name, plugin)
    if taken.path != plugin.path:
        raise UserError(
            f"the name {plugin.name!r} is claimed by {taken.path} and by {plugin.path}; rename one of the files"
        )


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _import(name: str, path: Path) -> ModuleType:
    known = sys.modules.get(name)
    if known is not None and Path(known.__file__ or "").resolve() == path:
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; name one that ends in .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a stranger's file may fail in any way: it is told, and breaks nothing else
        del sys.modules[name]
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _defined(module: ModuleType, base: type[Kind]) -> list[type[Kind]]:
    """The public subclasses of `base` that the module itself defines."""
    found = [value for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]
    return [kind for kind in found if issubclass(kind, base) and kind.__module__ == module.__name__]


def decided_by(plugin: Plugin[Baseline], *, closed_set: bool = False) -> Decision:
    """How this baseline decides, in episodes or among the classes it was trained on; raises `UserError` where it cannot."""
    try:
        return decision(plugin.load(), closed_set=closed_set)
    except TypeError as error:
        raise UserError(f"{plugin.path}: {error}") from None
