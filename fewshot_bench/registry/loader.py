"""Loading the files of plug-ins as modules, and making such modules again in another process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.plugins import PREFIX
from fewshot_bench.registry.parts import (
    Source,
    executed_file,
    file_of,
    foundations_first,
    own_modules,
    read_source,
    record_execution,
)
from fewshot_bench.seeds import digest

__all__ = ["LoadedPlugin", "Loader", "PluginCode", "bind_name"]


@dataclass(frozen=True)
class PluginCode:
    """Where the module of a plug-in comes from, so that another process can make it again.

    sha256: of the module's own file; foundations: the same of each other module of the plug-in's
    own, those first that others import.

    Unpickling it makes the modules where they are not there yet. Pickle it before the classes and
    objects of the plug-in. Raises `UserError` where a file is no longer what it was.
    """

    module: str
    path: Path
    sha256: str
    foundations: tuple[PluginCode, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self.module, self.path, self.sha256, self.foundations)
        return _restored_code, arguments


def _restored_code(
    module: str, path: Path, sha256: str, foundations: tuple[PluginCode, ...]
) -> PluginCode:
    """What `PluginCode` is unpickled by: its foundations were unpickled before, as arguments."""
    code = PluginCode(module, path, sha256, foundations)
    existing = sys.modules.get(module)
    if existing is None:
        existing = _made_again(code)
    if executed_file(existing).sha256 != sha256:
        raise _changed(path)
    return code


def _made_again(code: PluginCode) -> ModuleType:
    source = read_source(code.path)
    if source.sha256 != code.sha256:
        raise _changed(code.path)
    if not code.module.startswith(PREFIX):
        try:
            return importlib.import_module(code.module)
        except ModuleNotFoundError:  # it lies in a folder that this process does not search
            pass
        except PLUGIN_ERRORS as error:
            raise _not_importable(code.path, error) from error
    return execute(code.module, source)


def _changed(path: Path) -> UserError:
    event = "has changed" if path.is_file() else "is gone"
    return UserError(f"{path} {event} since the plan was made; run the command again")


ModuleKey = tuple[str, Path]  # the name of a module and its file


@dataclass(frozen=True)
class LoadedPlugin:
    """A file as a module. sha256: of all the code of its own, so that an edit makes another method.

    `code.sha256` is of the file alone.
    """

    module: ModuleType
    sha256: str
    code: PluginCode


class Loader:
    """Loads the files of plug-ins for one registry.

    Each file is read, and executed where that is needed, at most once in the life of a loader. It
    sees no later edit; a new loader does.
    """

    def __init__(self) -> None:
        self._loaded: dict[ModuleKey, LoadedPlugin] = {}
        self._errors: dict[ModuleKey, str] = {}
        self._sources: dict[Path, Source] = {}

    def source(self, path: Path) -> Source:
        """The file as this loader read it first."""
        if path not in self._sources:
            self._sources[path] = read_source(path)
        return self._sources[path]

    def load(self, name: str, path: Path) -> LoadedPlugin:
        """The file at `path` as the module `name`.

        It is executed where it was not yet, or where it or a module of its own has changed since.
        Raises `UserError` where it is no Python file or where its code raises something.
        """
        key = (name, path)
        if key in self._errors:
            raise UserError(self._errors[key])
        if key not in self._loaded:
            try:
                module = self._current_module(name, path)
                self._loaded[key] = self._described(module)
            except UserError as error:
                self._errors[key] = str(error)
                raise
        return self._loaded[key]

    def _current_module(self, name: str, path: Path) -> ModuleType:
        module = sys.modules.get(name)
        if module is None or file_of(module) != path:
            return execute(name, self.source(path))
        outdated = []
        for part in own_modules(module, self.source):
            if not self._is_current(part):
                outdated.append(part)
        if not outdated:
            return module
        return self._executed_again(module, outdated)

    def _is_current(self, module: ModuleType) -> bool:
        """Whether it and all that it imports of its own are still what they were."""
        for part in own_modules(module, self.source):
            if sys.modules.get(part.__name__) is not part:
                return False
            if executed_file(part, self.source).sha256 != self.source(file_of(part)).sha256:
                return False
        return True

    def _executed_again(self, root: ModuleType, outdated: list[ModuleType]) -> ModuleType:
        """`root` from the files as they are now; where that fails, all names mean what they did."""
        ordered = foundations_first(outdated, self.source)
        removed = []
        for part in outdated:
            if sys.modules.get(part.__name__) is part:
                bind_name(part.__name__, None)
                removed.append(part)
        try:
            # Python finds the others by itself; a file given by its path lies in no known folder
            for part in ordered:
                name = part.__name__
                if part is not root and name.startswith(PREFIX) and name not in sys.modules:
                    execute(name, self.source(file_of(part)))
            return execute(root.__name__, self.source(file_of(root)))
        except UserError:
            for part in removed:
                bind_name(part.__name__, part)
            raise

    def _described(self, module: ModuleType) -> LoadedPlugin:
        modules = own_modules(module, self.source)
        hashes = [executed_file(part, self.source).sha256 for part in modules]
        sha256 = hashes[0] if len(hashes) == 1 else digest(hashes)
        foundations = []
        for part in foundations_first(modules, self.source):
            if part is not module:
                foundations.append(self._code(part))
        return LoadedPlugin(module, sha256, self._code(module, tuple(foundations)))

    def _code(self, module: ModuleType, foundations: tuple[PluginCode, ...] = ()) -> PluginCode:
        sha256 = executed_file(module, self.source).sha256
        return PluginCode(module.__name__, file_of(module), sha256, foundations)


def execute(name: str, source: Source) -> ModuleType:
    """Execute a file as the module `name`; where that fails, `name` means what it did before.

    Raises `UserError`.
    """
    path = source.path
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or path.suffix != ".py":
        raise UserError(f"{path} is not a Python file; name one that ends in .py")
    before = sys.modules.get(name)
    module = importlib.util.module_from_spec(spec)
    bind_name(name, module)
    try:
        # not from cached bytecode: Python does not renew it after an edit within the same second
        code = compile(source.content, path, "exec", dont_inherit=True)
        exec(code, vars(module))
        record_execution(module, source)
    except BaseException as error:
        bind_name(name, before)
        if isinstance(error, PLUGIN_ERRORS):
            raise _not_importable(path, error) from error
        raise
    return module


def _not_importable(path: Path, error: BaseException) -> UserError:
    error_name = type(error).__name__
    text = f"{error_name}: {error}"
    reason = text.rstrip(": ")  # many an error has no text
    return UserError(f"{path} cannot be imported: {reason}")


def bind_name(name: str, module: ModuleType | None) -> None:
    """Let imports of `name` find `module`, or nothing; also those that ask its package for it."""
    package_name, _, stem = name.rpartition(".")
    package = sys.modules.get(package_name)
    if module is not None:
        sys.modules[name] = module
        if package is not None:
            setattr(package, stem, module)
        return
    sys.modules.pop(name, None)
    if package is not None and isinstance(getattr(package, stem, None), ModuleType):
        delattr(package, stem)
