"""The code that a plug-in consists of: its own file, and the files of its own that it imports."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from fewshot_bench.plugins import PREFIX
from fewshot_bench.registry.syntax import imported_names

__all__ = [
    "ExecutedFile",
    "ReadSource",
    "Source",
    "executed_file",
    "file_of",
    "foundations_first",
    "own_modules",
    "read_source",
    "record_execution",
]

CORE = "fewshot_bench"
# folders of installed distributions, whose code changes with their version alone
INSTALLED = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Source:
    """A file of code as it was read; sha256: of its content, empty where there is no such file."""

    path: Path
    content: bytes
    sha256: str


ReadSource = Callable[[Path], Source]


def read_source(path: Path) -> Source:
    """Read a file of code and hash it. This is the one place that does so."""
    if not path.is_file():
        return Source(path, b"", "")
    content = path.read_bytes()
    return Source(path, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class ExecutedFile:
    """What a module was executed from.

    sha256: of the file's content then; imports: the modules that it imported then.
    """

    sha256: str
    imports: tuple[ModuleType, ...]


# kept for the life of the process: a later registry compares files with what was executed
_EXECUTED: WeakKeyDictionary[ModuleType, ExecutedFile] = WeakKeyDictionary()


def record_execution(module: ModuleType, source: Source) -> ExecutedFile:
    """Remember that `module` was executed from `source` just now."""
    imports: list[ModuleType] = []
    if source.path.suffix == ".py":
        for name in imported_names(source.content, module.__package__):
            imported = sys.modules.get(name)
            if imported is not None:
                imports.append(imported)
    executed = ExecutedFile(source.sha256, tuple(imports))
    _EXECUTED[module] = executed
    return executed


def executed_file(module: ModuleType, read: ReadSource = read_source) -> ExecutedFile:
    """What a module was executed from.

    One that Python imported by itself is read when it is met first, right after its import.
    """
    executed = _EXECUTED.get(module)
    if executed is None:
        executed = record_execution(module, read(file_of(module)))
    return executed


def file_of(module: ModuleType) -> Path:
    """The file of a module; the current folder for a module without a file."""
    file = getattr(module, "__file__", None)  # it may be there and be None
    return Path(file or "").resolve()


def own_modules(root: ModuleType, read: ReadSource) -> list[ModuleType]:
    """`root` and the modules of its own that it imports, directly or through one another.

    Its own are plug-ins, modules of its package, and files in its folder or the folders in there.
    They come breadth first, in the order of the imports: the digest of a plug-in depends on it.
    """
    modules = [root]
    for module in modules:  # grows as it is walked
        for imported in executed_file(module, read).imports:
            if imported not in modules and _belongs_to(imported, root):
                modules.append(imported)
    return modules


def foundations_first(modules: Sequence[ModuleType], read: ReadSource) -> list[ModuleType]:
    """The same modules, each after those of them that it imports."""
    ordered: list[ModuleType] = []
    visited: list[ModuleType] = []

    def visit(module: ModuleType) -> None:
        if module in visited or module not in modules:
            return
        visited.append(module)
        for imported in executed_file(module, read).imports:
            visit(imported)
        ordered.append(module)

    for module in modules:
        visit(module)
    return ordered


def _belongs_to(module: ModuleType, root: ModuleType) -> bool:
    """Whether a module is the plug-in's own."""
    is_package = hasattr(module, "__path__")
    is_plugin = module.__name__.startswith(PREFIX) and not is_package
    top_name = _top_name(module)
    if not is_plugin and (top_name == CORE or top_name in sys.stdlib_module_names):
        return False
    path = file_of(module)
    if not path.is_file():  # built in, or a folder
        return False
    if is_plugin or top_name == _top_name(root):
        return True
    is_installed = not INSTALLED.isdisjoint(path.parts)
    return path.is_relative_to(file_of(root).parent) and not is_installed


def _top_name(module: ModuleType) -> str:
    return module.__name__.partition(".")[0]
