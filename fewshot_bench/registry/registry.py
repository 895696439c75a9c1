"""Names -> baselines, data sets, rules, ...: folders are listed, files executed when needed."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import RESERVED, rule_of
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import PLUGIN_ERRORS, UserError, unknown
from fewshot_bench.files import user_path
from fewshot_bench.jobs.engine import Engine
from fewshot_bench.optional import require
from fewshot_bench.plugins import FOLDER_NAMES, module_name
from fewshot_bench.registry.attributes import check_attributes, is_subclass
from fewshot_bench.registry.loader import Loader, PluginCode, bind_name
from fewshot_bench.registry.parts import file_of
from fewshot_bench.registry.syntax import likely_folder
from fewshot_bench.rule import Rule
from fewshot_bench.tracker import Tracker

__all__ = ["Plugin", "PluginT", "Registry", "plugin_rule", "usable", "variants_of"]

PluginT = TypeVar("PluginT", Baseline, DataSet, Rule, Tracker, Engine)
GROUP = "fewshot_bench.plugins"  # of entry points
BASES: tuple[type[Any], ...] = (Baseline, DataSet, Rule, Tracker, Engine)
FOLDER_OF: dict[type[Any], str] = dict(zip(BASES, FOLDER_NAMES, strict=True))
BASE_OF = {folder: base for base, folder in FOLDER_OF.items()}
BASE_NAMES = " or ".join([", ".join(base.__name__ for base in BASES[:-1]), BASES[-1].__name__])
SEPARATORS = frozenset(",:=+")  # what parts names from one another in a command


@dataclasses.dataclass(frozen=True)
class Plugin(Generic[PluginT]):
    """One file that defines one baseline, data set, rule, tracker or engine.

    module: the name it is imported by; loader: what loads it, shared by all plug-ins of a registry;
    variant: of a baseline or rule with several; error: why it cannot be loaded, if that is known.
    """

    name: str
    path: Path
    module: str
    base: type[PluginT]
    loader: Loader = dataclasses.field(repr=False, compare=False)
    variant: str = ""
    error: str = ""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what another process makes it again from: unpickling `code` makes its module."""
        return _restored_plugin, (self.code, self.name, self.base, self.variant)

    @property
    def sha256(self) -> str:
        """Of the code that is executed: of the file, and of its own that it imports.

        Raises `UserError` where the file cannot be imported.
        """
        return self.loader.load(self.module, self.path).sha256

    @property
    def code(self) -> PluginCode:
        """What another process can make the module again from. Raises as `sha256`."""
        return self.loader.load(self.module, self.path).code

    def family(self) -> type[PluginT]:
        """The class of the file.

        Raises `UserError` where the file cannot be imported, defines none or several, or where the
        class describes itself in a way that cannot be understood.
        """
        if self.error:
            raise UserError(self.error)
        module = self.loader.load(self.module, self.path).module
        classes = _public_classes(module, self.base)
        if len(classes) != 1:
            names = ", ".join(defined.__name__ for defined in classes) or "none"
            raise UserError(
                f"{self.path} defines {len(classes)} public {self.base.__name__} classes "
                f"({names}; allowed: one)"
            )
        check_attributes(classes[0], self.path)
        return classes[0]

    def load(self) -> type[PluginT]:
        """Its class, or its variant's.

        Raises `UserError` as `family`, and where something must be installed first.
        """
        plugin_class = self.family()
        variants: Mapping[str, type[PluginT]] = getattr(plugin_class, "variants", {})
        family_name = self.name.partition(":")[0]
        if self.variant and self.variant not in variants:
            raise unknown(f"variant of {family_name}", self.variant, variants)
        if variants and not self.variant:
            names = ", ".join(f"{family_name}:{variant}" for variant in variants)
            raise UserError(f"{family_name} is a family; name one of {names}")
        needs: tuple[str, str] | None = getattr(plugin_class, "needs", None)
        if needs is not None:
            library, extra = needs
            require(self.name, library, extra)
        if not self.variant:
            return plugin_class
        variant_class = variants[self.variant]
        check_attributes(variant_class, self.path)
        return variant_class


def _restored_plugin(
    code: PluginCode, name: str, base: type[PluginT], variant: str
) -> Plugin[PluginT]:
    """What a `Plugin` is unpickled by."""
    return Plugin(name, code.path, code.module, base, Loader(), variant)


class Registry:
    """The baselines, data sets, rules, trackers and engines that can be named.

    They come from the plug-in folders, from installed distributions (entry points in the group
    `fewshot_bench.plugins`, each naming a module) and from `files`. A registry executes a file at
    most once; a new registry sees edits.

    Raises `UserError` where two files claim one name, or where one of `files` is missing or defines
    none of them.
    """

    def __init__(self, files: Sequence[Path | str] = ()) -> None:
        self._loader = Loader()
        self.baselines = _listed(Baseline, self._loader)
        self.datasets = _listed(DataSet, self._loader)
        self.rules = _listed(Rule, self._loader)
        self.trackers = _listed(Tracker, self._loader)
        self.engines = _listed(Engine, self._loader)
        # the names of what was given as files
        self.baselines_of_files: list[str] = []
        self.rules_of_files: list[str] = []
        for entry in entry_points(group=GROUP):
            self._add(_installed(entry, self.baselines, self._loader))
        for path in map(user_path, files):
            if not path.is_file():
                raise UserError(
                    f"{path} is not a file; name a Python file that defines a {BASE_NAMES}"
                )
            self._add_file(path.resolve())

    def _add_file(self, path: Path) -> None:
        """Load a file as if it lay in the open folder of what it defines.

        It is executed under the name that its text suggests, and under another one where its
        classes say otherwise. Where it cannot be added, the names mean what they did before.
        """
        reason = _why_unnameable(path, Baseline)
        if reason:
            raise UserError(reason)
        likely_base = BASE_OF[likely_folder(self._loader.source(path).content)]
        before = sys.modules.get(_module_name(likely_base, path))
        module = self._loader.load(_module_name(likely_base, path), path).module
        base = _base_of(module)
        if base is not likely_base:
            bind_name(module.__name__, before)
            if base is None:
                raise UserError(f"{path} defines no public subclass of {BASE_NAMES}; add one")
            before = sys.modules.get(_module_name(base, path))
            module = self._loader.load(_module_name(base, path), path).module
        try:
            plugin = _plugin(path.stem, module, self._loader)
            if plugin.error:
                raise UserError(plugin.error)
            self._add(plugin)
        except UserError:
            bind_name(module.__name__, before)
            raise
        if base is Baseline:
            self.baselines_of_files.append(path.stem)
        elif base is Rule:
            self.rules_of_files.append(path.stem)

    def _add(self, plugin: Plugin[Any]) -> None:
        plugins: dict[type[Any], dict[str, Plugin[Any]]] = {
            Baseline: self.baselines,
            DataSet: self.datasets,
            Rule: self.rules,
            Tracker: self.trackers,
            Engine: self.engines,
        }
        _claim(plugins[plugin.base], plugin)

    def baseline(self, name: str) -> Plugin[Baseline]:
        """The baseline of that name, or the variant of one, NAME:VARIANT.

        Raises `UserError` where there is none.
        """
        return _variant_named(self.baselines, "baseline", name)

    def rule(self, name: str) -> Plugin[Rule]:
        """The rule of that name, or the variant of one; raises `UserError` where there is none."""
        return _variant_named(self.rules, "rule", name)

    def tracker(self, name: str) -> Plugin[Tracker]:
        """The tracker of that name; raises `UserError` where there is none."""
        return _named(self.trackers, "tracker", name)

    def every_baseline(self) -> list[Plugin[Baseline]]:
        """All of them, those that cannot be loaded too; of a family each of its variants."""
        return _every(self.baselines)

    def every_rule(self) -> list[Plugin[Rule]]:
        """All rules, as `every_baseline`."""
        return _every(self.rules)

    def dataset(self, name: str) -> Plugin[DataSet]:
        """The data set of that name; raises `UserError` where there is none."""
        return _named(self.datasets, "data set", _dashed(name))

    def engine(self, name: str) -> Plugin[Engine]:
        """The engine of that name; raises `UserError` where there is none."""
        return _named(self.engines, "engine", name)


def usable(
    plugins: Iterable[Plugin[PluginT]],
) -> Iterator[tuple[Plugin[PluginT], type[PluginT]]]:
    """Those that can be loaded, with their classes.

    A broken file that nobody named is left out: `bench list` shows it.
    """
    for plugin in plugins:
        with contextlib.suppress(UserError):
            yield plugin, plugin.load()


def variants_of(plugin: Plugin[PluginT]) -> list[Plugin[PluginT]]:
    """The plug-in, or each of its variants where it is a family."""
    try:
        variants: Mapping[str, object] = getattr(plugin.family(), "variants", {})
    except UserError:
        return [plugin]
    if not variants:
        return [plugin]
    found = []
    for variant in variants:
        name = f"{plugin.name}:{variant}"
        found.append(dataclasses.replace(plugin, name=name, variant=variant))
    return found


def plugin_rule(plugin: Plugin[Baseline], *, is_classification: bool = False) -> str:
    """The baseline's own rule for episodes, or for images of a classification protocol.

    Raises `UserError` where it has none.
    """
    try:
        return rule_of(plugin.load(), is_classification=is_classification)
    except TypeError as error:
        raise UserError(f"{plugin.path}: {error}") from None


def _every(plugins: Mapping[str, Plugin[PluginT]]) -> list[Plugin[PluginT]]:
    every: list[Plugin[PluginT]] = []
    for plugin in plugins.values():
        every.extend(variants_of(plugin))
    return every


def _variant_named(plugins: dict[str, Plugin[PluginT]], noun: str, name: str) -> Plugin[PluginT]:
    family_name, _, variant = name.partition(":")
    family = _named(plugins, noun, family_name)
    return dataclasses.replace(family, name=name, variant=variant)


def _named(plugins: dict[str, Plugin[PluginT]], noun: str, name: str) -> Plugin[PluginT]:
    if name not in plugins:
        raise unknown(noun, name, sorted(plugins), "bench list shows them")
    return plugins[name]


def _listed(base: type[PluginT], loader: Loader) -> dict[str, Plugin[PluginT]]:
    """The files of the open folders, none of them executed yet."""
    package = importlib.import_module(f"fewshot_bench.plugins.{FOLDER_OF[base]}")
    plugins: dict[str, Plugin[PluginT]] = {}
    for folder in package.__path__:
        for path in sorted(Path(folder).glob("[!_]*.py")):
            name = _dashed(path.stem) if base is DataSet else path.stem
            module = _module_name(base, path)
            error = _why_unnameable(path, base)
            _claim(plugins, Plugin(name, path.resolve(), module, base, loader, error=error))
    return plugins


def _installed(entry: EntryPoint, taken: Container[str], loader: Loader) -> Plugin[Any]:
    """The plug-in of an installed distribution.

    A broken one is listed among the baselines with its error, under a name that is free.
    """
    description = f"entry point {entry.name} ({entry.value})"
    try:
        module = importlib.import_module(entry.module)
        return _plugin(entry.name, module, loader)
    except PLUGIN_ERRORS as error:
        name = description if entry.name in taken else entry.name
        reason = f"{description} cannot be used: {type(error).__name__}: {error}"
        return Plugin(name, Path(entry.value), entry.module, Baseline, loader, error=reason)


def _plugin(name: str, module: ModuleType, loader: Loader) -> Plugin[Any]:
    base = _base_of(module) or Baseline  # loading it will say that it defines neither
    if base is DataSet:
        name = _dashed(name)
    path = file_of(module)
    error = _why_unnameable(path, base)
    return Plugin(name, path, module.__name__, base, loader, error=error)


def _claim(plugins: dict[str, Plugin[PluginT]], plugin: Plugin[PluginT]) -> None:
    """Enter a plug-in under its name; raises `UserError` where another file has that name."""
    holder = plugins.setdefault(plugin.name, plugin)
    if holder.path != plugin.path:
        raise UserError(
            f"the name {plugin.name!r} is claimed by {holder.path} and by {plugin.path}; "
            "rename one of the files"
        )


def _module_name(base: type[Any], path: Path) -> str:
    return module_name(FOLDER_OF[base], path.stem)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _why_unnameable(path: Path, base: type[Any]) -> str:
    """Why no command can name what is called as this file is; empty where one can."""
    if base is Rule and path.stem in RESERVED:
        return f"{path.name} cannot be the name of a rule, as {path.stem} means something else"
    for character in path.stem:
        if character in SEPARATORS:
            return (
                f"{path.name} cannot be named, as {character} parts the words of a command; "
                "rename it"
            )
    return ""


def _base_of(module: ModuleType) -> type[Any] | None:
    """What a module defines; one that defines both is a baseline."""
    for base in BASES:
        if _public_classes(module, base):
            return base
    return None


def _public_classes(module: ModuleType, base: type[PluginT]) -> list[type[PluginT]]:
    """The public subclasses of `base` that the module itself defines."""
    classes = []
    for name, value in vars(module).items():
        if name.startswith("_") or not is_subclass(value, base):
            continue
        if value.__module__ == module.__name__:
            classes.append(value)
    return classes
