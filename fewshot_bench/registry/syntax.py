"""What the text of a plug-in says, read without executing it."""

from __future__ import annotations

import ast
import importlib.util

from fewshot_bench.errors import PLUGIN_ERRORS
from fewshot_bench.plugins import FOLDER_NAMES, module_name

__all__ = ["imported_names", "likely_folder"]

BASELINES = FOLDER_NAMES[0]
BASES = ("DataSet", "Rule", "Tracker", "Engine")
BASE_FOLDERS = dict(zip(BASES, FOLDER_NAMES[1:], strict=True))


def imported_names(content: bytes, package: str | None) -> list[str]:
    """Full names that a module of `package` imports when it is executed.

    Imports inside functions happen later and are left out. A name may be one of a module or of
    something in a module: the text does not say which.
    """
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(content)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _source_of(node, package)
            names.append(source)
            names.extend(f"{source}.{alias.name}" for alias in node.names)
        waiting.extend(ast.iter_child_nodes(node))
    return names


def _source_of(node: ast.ImportFrom, package: str | None) -> str:
    """The full name of the module that a `from ... import` reads."""
    relative_name = "." * node.level + (node.module or "")
    return importlib.util.resolve_name(relative_name, package)


def likely_folder(content: bytes) -> str:
    """The open folder that a file seems to belong to.

    Each class at the top of the file is traced to the names of its base classes. Whoever asks must
    look again once the file was executed: an unusual file is taken for that of a baseline.
    """
    try:
        tree = ast.parse(content)
    except PLUGIN_ERRORS:  # executing it will raise the same, with a better message
        return BASELINES
    origins: dict[str, str] = {}  # a name of the file -> the full name that it stands for
    folders: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    origins[alias.asname] = alias.name
        elif isinstance(node, ast.ClassDef):
            origin = _origin_of_class(node, origins)
            origins[node.name] = origin
            folders.append(_folder_of(origin))
    if BASELINES in folders:
        return BASELINES
    known = [folder for folder in folders if folder]
    return known[0] if known else BASELINES


def _origin_of_class(node: ast.ClassDef, origins: dict[str, str]) -> str:
    """The full name of the first base class that tells what a class is, else an empty string."""
    for base in node.bases:
        first_name, dot, rest = ast.unparse(base).partition(".")
        origin = origins.get(first_name, first_name) + dot + rest
        if _folder_of(origin):
            return origin
    return ""


def _folder_of(origin: str) -> str:
    """The open folder of classes that derive from `origin`, or an empty string."""
    class_name = origin.rpartition(".")[2]
    # the base classes of trained methods end so too: TrainedBaseline
    if class_name.endswith("Baseline"):
        return BASELINES
    if class_name in BASE_FOLDERS:
        return BASE_FOLDERS[class_name]
    for folder in FOLDER_NAMES:
        if origin.startswith(module_name(folder, "")):
            return folder
    return ""
