"""Files of plug-ins as modules: which code was executed, and executed anew where a file has changed since."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.seeds import digest

__all__ = ["Loaded", "load", "put_back"]

CORE, PLUGINS = "fewshot_bench", "fewshot_bench.plugins."
INSTALLED = {
    "site-packages",
    "dist-packages",
}  # folders of distributions, which change with their version alone


@dataclass(frozen=True, eq=False)
class Part:
    """A module, the SHA-256 of its file when it was executed, and what it imported then."""

    module: ModuleType
    path: Path
    sha256: str
    imports: tuple[ModuleType, ...]

    @property
    def name(self) -> str:
        """Of the module."""
        return self.module.__name__

    @property
    def current(self) -> bool:
        """Whether this is still the module of its name, and its file what it was."""
        return sys.modules.get(self.name) is self.module and _sha256(self.path) == self.sha256


@dataclass(frozen=True)
class Loaded:
    """A file as a module. parts: that module, then those of its own that it imports, directly or through another: plug-ins,
    modules of its package, and files in its folder and the folders in there.
    """

    parts: tuple[Part, ...]

    @property
    def module(self) -> ModuleType:
        """The file's."""
        return self.parts[0].module

    @property
    def sha256(self) -> str:
        """Of all the code: an edited file is another method."""
        hashes = [part.sha256 for part in self.parts]
        return hashes[0] if len(hashes) == 1 else digest(hashes)


_PARTS: WeakKeyDictionary[ModuleType, Part] = (
    WeakKeyDictionary()
)  # by module, as they were first seen


def load(name: str, path: Path) -> Loaded:
    """The file at `path` as the module `name`; it is executed where it has not been, or where a part of it has changed.

    Raises `UserError` where it is no Python file or raises something itself.
    """
    known = sys.modules.get(name)
    if known is not None and _file(known) == path:
        parts = _parts(known)
        old = [part for part in parts if not all(below.current for below in _parts(part.module))]
        if not old:
            return Loaded(tuple(parts))
        for part in old:
            if sys.modules.get(part.name) is part.module:
                del sys.modules[part.name]
        for part in reversed(
            old
        ):  # those that others stand on first; a file that was handed over is on no path
            if part.name.startswith(PLUGINS) and part.name != name and part.name not in sys.modules:
                _executed(part.name, part.path)
    return Loaded(tuple(_parts(_executed(name, path))))


def _executed(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or path.suffix != ".py":
        raise UserError(f"{path} is not a Python file; name one that ends in .py")
    before, source = sys.modules.get(name), path.read_bytes()
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:  # not through a cached file of bytecode, which an edit within its second would not renew
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))
        _part(module, source)
    except PLUGIN_ERRORS as error:
        put_back(name, before)
        told = f"{type(error).__name__}: {error}".rstrip(": ")
        raise UserError(f"{path} cannot be imported: {told}") from error
    return module


def put_back(name: str, module: ModuleType | None) -> None:
    """Let `name` stand for the module that it stood for before, or for none."""
    if module is None:
        del sys.modules[name]
    else:
        sys.modules[name] = module


def _parts(root: ModuleType) -> list[Part]:
    """The module, then its own that it imports, in the order in which they are met."""
    found, left = {root: _part(root)}, [root]
    while left:
        for module in found[left.pop(0)].imports:
            if module not in found and _own(module, root):
                found[module] = _part(module)
                left.append(module)
    return list(found.values())


def _part(module: ModuleType, source: bytes | None = None) -> Part:
    """As it was executed from `source`, or else as it was first seen, which is right after another imported it."""
    if module not in _PARTS:
        path = _file(module)
        source = path.read_bytes() if source is None else source
        imports = tuple(_imported(source, module)) if path.suffix == ".py" else ()
        _PARTS[module] = Part(module, path, hashlib.sha256(source).hexdigest(), imports)
    return _PARTS[module]


def _imported(source: bytes, module: ModuleType) -> Iterator[ModuleType]:
    """Modules that it imports as it is executed, not those that its functions import when they are called."""
    left: list[ast.AST] = [ast.parse(source)]
    while left:
        node = left.pop(0)
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = importlib.util.resolve_name(
                "." * node.level + (node.module or ""), module.__package__
            )
            names = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            left += ast.iter_child_nodes(node)
        yield from (sys.modules[name] for name in names if sys.modules.get(name) is not None)


def _own(module: ModuleType, root: ModuleType) -> bool:
    """Whether it belongs to the plug-in `root`: is one too, or of its package, or lies in its folder."""
    top, package = module.__name__.partition(".")[0], root.__name__.partition(".")[0]
    a_plugin = module.__name__.startswith(PLUGINS) and not hasattr(module, "__path__")
    if not a_plugin and (top == CORE or top in sys.stdlib_module_names):
        return False
    path = _file(module)
    if not path.is_file():  # built in, or a folder
        return False
    beside = path.is_relative_to(_file(root).parent) and not INSTALLED & set(path.parts)
    return a_plugin or top == package or beside


def _file(module: ModuleType) -> Path:
    return Path(getattr(module, "__file__", None) or "").resolve()


def _sha256(path: Path) -> str:
    """Of a file; of one that has gone, nothing."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
