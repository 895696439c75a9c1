"""Names -> baselines and data sets: the plug-in folders are listed, each file is imported when it is asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from fewshot_bench.baseline import Baseline, Decision, decision
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.optional import require
from fewshot_bench.seeds import digest

__all__ = ["Plugin", "Registry", "decided_by", "usable"]

Kind = TypeVar("Kind", Baseline, DataSet)
GROUP = "fewshot_bench.plugins"  # of entry points


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
        """Of the file and of those of the plug-ins it derives from: an edited file is another method."""
        own = [kind for kind in self.load().__mro__ if issubclass(kind, self.base) and not _of_the_core(kind)]
        files = dict.fromkeys(Path(inspect.getfile(kind)) for kind in own)
        hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        return hashes[0] if len(hashes) == 1 else digest(hashes)

    def family(self) -> type[Kind]:
        """The class of the file; raises `UserError` where it cannot be imported or defines none or several."""
        if self.error:
            raise UserError(self.error)
        found = _defined(_import(self.module, self.path), self.base)
        if len(found) != 1:
            names = ", ".join(kind.__name__ for kind in found) or "none"
            raise UserError(f"{self.path} defines {len(found)} public {self.base.__name__} classes ({names}; allowed: one)")
        if not hasattr(found[0], "card"):
            raise UserError(f"{self.path}: {found[0].__name__} has no card; give it one with a title and a source")
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
        return variants[self.variant] if self.variant else kind


class Registry:
    """The baselines and data sets that can be named: those of the plug-in folders, of installed distributions (entry
    points in the group `fewshot_bench.plugins`, each naming a module) and of `files`.

    Raises `UserError` where two files claim one name, or where one of `files` is missing or defines neither.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.baselines = {plugin.name: plugin for plugin in _listed("baselines", Baseline)}
        self.datasets = {plugin.name: plugin for plugin in _listed("episodes", DataSet)}
        for entry in entry_points(group=GROUP):
            self._add_installed(entry)
        for path in files:
            if not path.is_file():
                raise UserError(f"--plugin {path} is not a file; name a Python file that defines a Baseline or a DataSet")
            name = f"fewshot_bench.plugins.baselines.{path.stem}"
            self._add(path.stem, _import(name, path.resolve()), f"--plugin {path}")

    def _add(self, name: str, module: ModuleType, what: str) -> None:
        path = Path(module.__file__ or "").resolve()
        if _defined(module, Baseline):
            _claim(self.baselines, Plugin(name, path, module.__name__, Baseline))
        elif _defined(module, DataSet):
            _claim(self.datasets, Plugin(_dashed(name), path, module.__name__, DataSet))
        else:
            raise UserError(f"{what} defines no public subclass of Baseline or DataSet; add one")

    def _add_installed(self, entry: EntryPoint) -> None:
        """A broken one is listed among the baselines with its error."""
        try:
            self._add(entry.name, importlib.import_module(entry.value), f"entry point {entry.name} ({entry.value})")
        except Exception as error:  # a stranger's module may fail in any way: it is told, and breaks nothing else
            told = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            reason = f"entry point {entry.name} ({entry.value}) cannot be used: {told}"
            _claim(self.baselines, Plugin(entry.name, Path(entry.value), entry.value, Baseline, error=reason))

    def baseline(self, name: str) -> Plugin[Baseline]:
        """The baseline of that name, or the variant of one, NAME:VARIANT; raises `UserError` where there is none."""
        family, _, variant = name.partition(":")
        return dataclasses.replace(_named(self.baselines, "baseline", family), name=name, variant=variant)

    def every_baseline(self) -> list[Plugin[Baseline]]:
        """All of them, those that cannot be loaded too; of a family each of its variants."""
        return [plugin for name in self.baselines for plugin in self._variants(name)]

    def _variants(self, name: str) -> list[Plugin[Baseline]]:
        plugin = self.baselines[name]
        try:
            return [self.baseline(f"{name}:{variant}") for variant in plugin.family().variants] or [plugin]
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


def _listed(folder: str, base: type[Kind]) -> Iterator[Plugin[Kind]]:
    package = importlib.import_module(f"fewshot_bench.plugins.{folder}")
    plugins: dict[str, Plugin[Kind]] = {}
    for place in package.__path__:
        for path in sorted(Path(place).glob("[!_]*.py")):
            name = _dashed(path.stem) if base is DataSet else path.stem
            _claim(plugins, Plugin(name, path.resolve(), f"fewshot_bench.plugins.{folder}.{path.stem}", base))
    yield from plugins.values()


def _claim(plugins: dict[str, Plugin[Kind]], plugin: Plugin[Kind]) -> None:
    taken = plugins.setdefault(plugin.name, plugin)
    if taken.path != plugin.path:
        raise UserError(
            f"the name {plugin.name!r} is claimed by {taken.path} and by {plugin.path}; rename one of the files"
        )


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _of_the_core(kind: type) -> bool:
    package = kind.__module__
    return package.startswith("fewshot_bench.") and not package.startswith("fewshot_bench.plugins.")


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
