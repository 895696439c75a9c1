"""The house as the imports have it: rooms, floors, arrows. A room is a folder of `fewshot_bench/` or a file beside them.

`uv run python -m tests.helpers.house` writes the picture in docs/architecture.md.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "fewshot_bench"
PAGE = ROOT / "docs" / "architecture.md"
PICTURE = re.compile(r"```mermaid\n(.*?)```\n", re.DOTALL)

# top floor first; rooms of one floor may use each other
FLOORS: list[list[str]] = [
    ["", "__main__"],
    ["cli"],
    ["report"],
    ["api", "exchange", "interop", "new_class", "outcome", "progress_line", "room", "tracking"],
    ["advice"],
    ["deploy", "explain"],
    ["engine"],
    ["planning"],
    ["registry"],
    ["contract"],
    ["leaderboard"],
    ["learn", "tracker"],
    ["records"],
    ["request", "baseline", "dataset", "rule", "jobs"],
    ["protocols"],
    ["data"],
    ["stats"],
    ["settings", "card", "published", "optional", "plugins", "files", "lists", "seeds", "errors"],
]
FLOOR = {room: len(FLOORS) - number for number, rooms in enumerate(FLOORS) for room in rooms}
# the smallest things, which nearly every room uses, are one box of the picture
SHARED = FLOORS[-1]


def module_name(path: Path) -> str:
    """`learn.zoo` for fewshot_bench/learn/zoo.py, `learn` for its `__init__.py`."""
    name = path.relative_to(CORE).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix("__init__").rstrip(".")


PLUGINS = [CORE / name for name in ("rules", "trackers", "engines")]  # which no core file imports
CORE_PATHS = [path for path in sorted(CORE.rglob("*.py")) if path.parent not in PLUGINS]
FILES = {module_name(path): path for path in CORE_PATHS}


def room(name: str) -> str:
    """The room of a module."""
    return name.partition(".")[0]


def imported(path: Path) -> set[str]:
    """Names of the core's modules that a file imports, those for type checkers too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    inside = set()
    for name in names:
        short = name.removeprefix("fewshot_bench").lstrip(".")
        if name.startswith("fewshot_bench") and short in FILES:
            inside.add(short)
    return inside - {""}


def arrows() -> set[tuple[str, str]]:
    """(room, room that it imports), without the package itself."""
    found = set()
    for name, path in FILES.items():
        for other in imported(path):
            pair = (room(name), room(other))
            if pair[0] != pair[1] and pair[0] not in ("", "__main__"):
                found.add(pair)
    return found


def picture() -> str:
    """The arrows that no way over other rooms stands for, as a Mermaid graph."""
    boxed = {(_box(upper), _box(lower)) for upper, lower in arrows()}
    drawn = {pair for pair in boxed if pair[0] != pair[1]}
    lines = ["graph TD"]
    for upper, lower in sorted(drawn):
        others = drawn - {(upper, lower)}
        if not _reaches(upper, lower, others):
            lines.append(f"    {upper} --> {lower}")
    return "\n".join(lines) + "\n"


def _box(name: str) -> str:
    return "shared" if name in SHARED else name


def _reaches(start: str, end: str, pairs: set[tuple[str, str]]) -> bool:
    left = [start]
    seen = set()
    while left:
        here = left.pop()
        if here == end:
            return True
        if here not in seen:
            seen.add(here)
            left += [lower for upper, lower in pairs if upper == here]
    return False


def with_picture(page: str) -> str:
    """The page with the picture as the imports have it."""
    return PICTURE.sub(lambda _: f"```mermaid\n{picture()}```\n", page)


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text()))
