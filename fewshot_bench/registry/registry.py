"""Names -> baselines and data sets: folders are listed, each file is executed when it is needed."""

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

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.contract.answering import Rule, rule_of
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import PLUGIN_ERRORS, UserError, unknown
from fewshot_bench.optional import require
from fewshot_bench.plugins import FOLDER_NAMES, module_name
from fewshot_bench.registry.loader import Loader, PluginCode, bind_name
from fewshot_bench.registry.parts import file_of
from fewshot_bench.registry.syntax import defines_dataset
from fewshot_bench.settings import Settings

__all__ = ["Plugin", "Registry", "plugin_rule", "usable"]

PluginT = TypeVar("PluginT", Baseline, DataSet)
GROUP = "fewshot_bench.plugins"  # of entry points
BASES: tuple[type[Any], ...] = (Baseline, DataSet)
FOLDER_OF: dict[type[Any], str] = dict(zip(BASES, FOLDER_NAMES, strict=True))
SEPARATORS = frozenset(",:=")  # what parts names from one another in a command


@dataclasses.dataclass(frozen=True)
class Plugin(Generic[PluginT]):
    """One file that defines one baseline or data set.

    module: the name it is imported by; loader: what loads it, shared by all plug-ins of a registry;
    variant: of a baseline with several; error: why it cannot be loaded, where that is known.
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
        _check_attributes(classes[0], self.path)
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
            raise UserError(f"{family_name} is a family of baselines; name one of {names}")
        needs: tuple[str, str] | None = getattr(plugin_class, "needs", None)
        if needs is not None:
            library, extra = needs
            require(self.name, library, extra)
        if not self.variant:
            return plugin_class
        variant_class = variants[self.variant]
        _check_attributes(variant_class, self.path)
        return variant_class


def _restored_plugin(
    code: PluginCode, name: str, base: type[PluginT], variant: str
) -> Plugin[PluginT]:
    """What a `Plugin` is unpickled by."""
    return Plugin(name, code.path, code.module, base, Loader(), variant)


class Registry:
    """The baselines and data sets that can be named.

    They come from the plug-in folders, from installed distributions (entry points in the group
    `fewshot_bench.plugins`, each naming a module) and from `files`. A registry executes a file at
    most once; a new registry sees edits.

    Raises `UserError` where two files claim one name, or where one of `files` is missing or defines
    neither.
    """

    def __init__(self, files: Sequence[Path | str] = ()) -> None:
        self._loader = Loader()
        self.baselines = _listed(Baseline, self._loader)
        self.datasets = _listed(DataSet, self._loader)
        self.names_of_files: list[str] = []
        for entry in entry_points(group=GROUP):
            self._add(_installed(entry, self.baselines, self._loader))
        for path in map(Path, files):
            if not path.is_file():
                raise UserError(
                    f"{path} is not a file; name a Python file that defines a Baseline or a DataSet"
                )
            self._add_file(path.resolve())

    def _add_file(self, path: Path) -> None:
        """Load a file as if it lay in the open folder of what it defines.

        It is executed under the name that its text suggests, and under the other one where its
        classes say otherwise. Where it cannot be added, both names mean what they did before.
        """
        reason = _why_unnameable(path)
        if reason:
            raise UserError(reason)
        seems_dataset = defines_dataset(self._loader.source(path).content)
        likely_base = DataSet if seems_dataset else Baseline
        before = sys.modules.get(_module_name(likely_base, path))
        module = self._loader.load(_module_name(likely_base, path), path).module
        base = _base_of(module)
        if base is not likely_base:
            bind_name(module.__name__, before)
            if base is None:
                raise UserError(
                    f"{path} defines no public subclass of Baseline or DataSet; add one"
                )
            before = sys.modules.get(_module_name(base, path))
            module = self._loader.load(_module_name(base, path), path).module
        try:
            self._add(_plugin(path.stem, module, self._loader))
        except UserError:
            bind_name(module.__name__, before)
            raise
        self.names_of_files.append(path.stem)

    def _add(self, plugin: Plugin[Any]) -> None:
        if plugin.base is Baseline:
            _claim(self.baselines, plugin)
        else:
            _claim(self.datasets, plugin)

    def baseline(self, name: str) -> Plugin[Baseline]:
        """The baseline of that name, or the variant of one, NAME:VARIANT.

        Raises `UserError` where there is none.
        """
        family_name, _, variant = name.partition(":")
        family = _named(self.baselines, "baseline", family_name)
        return dataclasses.replace(family, name=name, variant=variant)

    def every_baseline(self) -> list[Plugin[Baseline]]:
        """All of them, those that cannot be loaded too; of a family each of its variants."""
        plugins: list[Plugin[Baseline]] = []
        for name in self.baselines:
            plugins.extend(self.variants(name))
        return plugins

    def variants(self, name: str) -> list[Plugin[Baseline]]:
        """The baseline of that name, of a family each of its variants."""
        plugin = self.baselines[name]
        try:
            variants = plugin.family().variants
        except UserError:
            return [plugin]
        if not variants:
            return [plugin]
        return [self.baseline(f"{name}:{variant}") for variant in variants]

    def dataset(self, name: str) -> Plugin[DataSet]:
        """The data set of that name; raises `UserError` where there is none."""
        return _named(self.datasets, "data set", _dashed(name))


def usable(
    plugins: Iterable[Plugin[PluginT]],
) -> Iterator[tuple[Plugin[PluginT], type[PluginT]]]:
    """Those that can be loaded, with their classes.

    A broken file that nobody named is left out: `bench list` shows it.
    """
    for plugin in plugins:
        with contextlib.suppress(UserError):
            yield plugin, plugin.load()


def plugin_rule(plugin: Plugin[Baseline], *, is_classification: bool = False) -> Rule:
    """The rule by which this baseline answers episodes, or images of a classification protocol.

    Raises `UserError` where it has none.
    """
    try:
        return rule_of(plugin.load(), is_classification=is_classification)
    except TypeError as error:
        raise UserError(f"{plugin.path}: {error}") from None


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
            error = _why_unnameable(path)
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
    return Plugin(name, file_of(module), module.__name__, base, loader)


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


def _why_unnameable(path: Path) -> str:
    """Why no command can name what is called as this file is; empty where one can."""
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
        if name.startswith("_") or not _is_subclass(value, base):
            continue
        if value.__module__ == module.__name__:
            classes.append(value)
    return classes


def _check_attributes(plugin_class: type[Any], path: Path) -> None:
    """Raise `UserError` for an attribute of a class that has a value nobody can understand."""
    card = getattr(plugin_class, "card", None)
    has_card = isinstance(card, (Card, DataCard)) and isinstance(card.title, str)
    needs = getattr(plugin_class, "needs", None)
    has_needs = needs is None or (isinstance(needs, tuple) and len(needs) == 2)
    has_settings = _is_subclass(plugin_class.settings_type, Settings)
    variants = getattr(plugin_class, "variants", {})
    has_variants = isinstance(variants, Mapping)
    for variant in variants.values() if has_variants else ():
        has_variants = has_variants and _is_subclass(variant, Baseline)
    checks = (
        ("card", has_card, "a Card, or a DataCard of a data set"),
        ("settings_type", has_settings, "a subclass of Settings"),
        ("needs", has_needs, "(module, extra)"),
        ("variants", has_variants, "a dictionary of subclasses of Baseline"),
    )
    for name, is_understood, allowed in checks:
        if not is_understood:
            value = getattr(plugin_class, name, None)
            raise UserError(
                f"{path}: {plugin_class.__name__}.{name} is {value!r} (allowed: {allowed})"
            )


def _is_subclass(value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)
