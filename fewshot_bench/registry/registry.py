"""Names -> baselines and data sets: the plug-in folders are listed, each file is imported when it is asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.contract.answering import Rule, rule_of
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import PLUGIN_ERRORS, UserError, unknown
from fewshot_bench.optional import require
from fewshot_bench.plugins import KINDS
from fewshot_bench.registry import loader as imports
from fewshot_bench.settings import Settings

__all__ = ["Plugin", "Registry", "plugin_rule", "usable"]

Kind = TypeVar("Kind", Baseline, DataSet)
GROUP = "fewshot_bench.plugins"  # of entry points
FOLDERS: dict[type[Any], str] = dict(zip((Baseline, DataSet), KINDS, strict=True))


@dataclass(frozen=True)
class Plugin(Generic[Kind]):
    """One file that defines one baseline or data set. module: the name it is imported by; variant: of a baseline with
    several; error: why it cannot be loaded, where that is known already.
    """

    name: str
    path: Path
    module: str
    base: type[Kind]
    variant: str = ""
    error: str = ""

    @property
    def sha256(self) -> str:
        """Of the code that is executed: of the file, and of its own that it imports."""
        return imports.load(self.module, self.path).sha256

    def family(self) -> type[Kind]:
        """The class of the file; raises `UserError` where it cannot be imported, defines none or several, or says what
        it is in a way that cannot be understood.
        """
        if self.error:
            raise UserError(self.error)
        found = _defined(imports.load(self.module, self.path).module, self.base)
        if len(found) != 1:
            names = ", ".join(kind.__name__ for kind in found) or "none"
            raise UserError(
                f"{self.path} defines {len(found)} public {self.base.__name__} classes ({names}; allowed: one)"
            )
        _declares(found[0], self.path)
        return found[0]

    def load(self) -> type[Kind]:
        """Its class, or its variant's; raises `UserError` as `family`, and where something must be installed first."""
        kind = self.family()
        variants: Mapping[str, type[Kind]] = getattr(kind, "variants", {})
        name = self.name.partition(":")[0]
        if self.variant and self.variant not in variants:
            raise unknown(f"variant of {name}", self.variant, variants)
        if variants and not self.variant:
            raise UserError(
                f"{name} is a family of baselines; name one of {', '.join(f'{name}:{word}' for word in variants)}"
            )
        needs: tuple[str, str] | None = getattr(kind, "needs", None)
        if needs is not None:
            require(self.name, *needs)
        if self.variant:
            kind = variants[self.variant]
            _declares(kind, self.path)
        return kind


class Registry:
    """The baselines and data sets that can be named: those of the plug-in folders, of installed distributions (entry
    points in the group `fewshot_bench.plugins`, each naming a module) and of `files`.

    Raises `UserError` where two files claim one name, or where one of `files` is missing or defines neither.
    """

    def __init__(self, files: Sequence[Path | str] = ()) -> None:
        self.baselines = {plugin.name: plugin for plugin in _listed(Baseline)}
        self.datasets = {plugin.name: plugin for plugin in _listed(DataSet)}
        self.given: list[str] = []  # names of those of `files`
        for entry in entry_points(group=GROUP):
            self._add(_installed(entry, self.baselines))
        for path in map(Path, files):
            if not path.is_file():
                raise UserError(
                    f"{path} is not a file; name a Python file that defines a Baseline or a DataSet"
                )
            self._add_file(path.resolve())

    def _add_file(self, path: Path) -> None:
        """Under the name that a file of the open folder for its kind has; what had that name keeps it where this fails."""
        if reason := _unnameable(path):
            raise UserError(reason)
        for base, folder in FOLDERS.items():
            name = f"fewshot_bench.plugins.{folder}.{path.stem}"
            before = sys.modules.get(name)
            module = imports.load(name, path).module
            try:
                if _defined(module, base):
                    self._add(_plugin(path.stem, module))
                    self.given.append(path.stem)
                    return
            except UserError:
                imports.put_back(name, before)
                raise
            imports.put_back(name, before)
        raise UserError(f"{path} defines no public subclass of Baseline or DataSet; add one")

    def _add(self, plugin: Plugin[Any]) -> None:
        _claim(self.baselines if plugin.base is Baseline else self.datasets, plugin)

    def baseline(self, name: str) -> Plugin[Baseline]:
        """The baseline of that name, or the variant of one, NAME:VARIANT; raises `UserError` where there is none."""
        family, _, variant = name.partition(":")
        return dataclasses.replace(
            _named(self.baselines, "baseline", family), name=name, variant=variant
        )

    def every_baseline(self) -> list[Plugin[Baseline]]:
        """All of them, those that cannot be loaded too; of a family each of its variants."""
        return [plugin for name in self.baselines for plugin in self.variants(name)]

    def variants(self, name: str) -> list[Plugin[Baseline]]:
        """The baseline of that name, of a family each of its variants."""
        plugin = self.baselines[name]
        try:
            return [self.baseline(f"{name}:{variant}") for variant in plugin.family().variants] or [
                plugin
            ]
        except UserError:
            return [plugin]

    def dataset(self, name: str) -> Plugin[DataSet]:
        """The data set of that name; raises `UserError` where there is none."""
        return _named(self.datasets, "data set", _dashed(name))


def usable(plugins: Iterable[Plugin[Kind]]) -> Iterator[tuple[Plugin[Kind], type[Kind]]]:
    """Those that can be loaded, with their classes; a broken file that nobody named is for `bench list` to show."""
    for plugin in plugins:
        with contextlib.suppress(UserError):
            yield plugin, plugin.load()


def _named(plugins: dict[str, Plugin[Kind]], what: str, name: str) -> Plugin[Kind]:
    if name not in plugins:
        raise unknown(what, name, sorted(plugins), "bench list shows them")
    return plugins[name]


def _listed(base: type[Kind]) -> Iterator[Plugin[Kind]]:
    folder = FOLDERS[base]
    package = importlib.import_module(f"fewshot_bench.plugins.{folder}")
    plugins: dict[str, Plugin[Kind]] = {}
    for place in package.__path__:
        for path in sorted(Path(place).glob("[!_]*.py")):
            name = _dashed(path.stem) if base is DataSet else path.stem
            module = f"fewshot_bench.plugins.{folder}.{path.stem}"
            _claim(plugins, Plugin(name, path.resolve(), module, base, error=_unnameable(path)))
    yield from plugins.values()


def _plugin(name: str, module: ModuleType) -> Plugin[Any]:
    path = Path(module.__file__ or "").resolve()
    base = next(
        (base for base in FOLDERS if _defined(module, base)), Baseline
    )  # of neither it is told when it is loaded
    return Plugin(_dashed(name) if base is DataSet else name, path, module.__name__, base)


def _installed(entry: EntryPoint, taken: Container[str]) -> Plugin[Any]:
    """A broken one is listed among the baselines with its error, under a name that is free."""
    what = f"entry point {entry.name} ({entry.value})"
    try:
        return _plugin(entry.name, importlib.import_module(entry.module))
    except PLUGIN_ERRORS as error:
        name = what if entry.name in taken else entry.name
        reason = f"{what} cannot be used: {type(error).__name__}: {error}"
        return Plugin(name, Path(entry.value), entry.module, Baseline, error=reason)


def _unnameable(path: Path) -> str:
    """Why no command can name what is called as this file is; empty where one can."""
    parting = set(path.stem) & set(",:=")
    return (
        f"{path.name} cannot be named, as {parting.pop()} parts the words of a command; rename it"
        if parting
        else ""
    )


def _declares(kind: type[Kind], path: Path) -> None:
    """Raise `UserError` for what a class says of itself and nobody could understand."""
    card = getattr(kind, "card", None)
    needs, variants = getattr(kind, "needs", None), getattr(kind, "variants", {})
    told = {
        "card": (
            isinstance(card, (Card, DataCard)) and isinstance(card.title, str),
            "a Card, or a DataCard of a data set",
        ),
        "settings_type": (_is(kind.settings_type, Settings), "a subclass of Settings"),
        "needs": (
            needs is None or (isinstance(needs, tuple) and len(needs) == 2),
            "(module, extra)",
        ),
        "variants": (
            isinstance(variants, Mapping)
            and all(_is(variant, Baseline) for variant in variants.values()),
            "a dictionary of subclasses of Baseline",
        ),
    }
    for name, (understood, allowed) in told.items():
        if not understood:
            raise UserError(
                f"{path}: {kind.__name__}.{name} is {getattr(kind, name, None)!r} (allowed: {allowed})"
            )


def _is(value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _claim(plugins: dict[str, Plugin[Kind]], plugin: Plugin[Kind]) -> None:
    taken = plugins.setdefault(plugin.name, plugin)
    if taken.path != plugin.path:
        raise UserError(
            f"the name {plugin.name!r} is claimed by {taken.path} and by {plugin.path}; rename one of the files"
        )


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _defined(module: ModuleType, base: type[Kind]) -> list[type[Kind]]:
    """The public subclasses of `base` that the module itself defines."""
    found = [
        value
        for name, value in vars(module).items()
        if inspect.isclass(value) and not name.startswith("_")
    ]
    return [kind for kind in found if issubclass(kind, base) and kind.__module__ == module.__name__]


def plugin_rule(plugin: Plugin[Baseline], *, is_classification: bool = False) -> Rule:
    """How this baseline decides, in episodes or among the classes it was trained on; raises `UserError` where it cannot."""
    try:
        return rule_of(plugin.load(), is_classification=is_classification)
    except TypeError as error:
        raise UserError(f"{plugin.path}: {error}") from None
