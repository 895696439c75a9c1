"""The pages of the project, and the commands and Python files that they show."""

from __future__ import annotations

import re
from pathlib import Path

from tests.helpers.places import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
RESULTS = [ROOT / "results" / name for name in ("README.md", "FINDINGS.md", "TABLES.md")]
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`((?:uv run )?bench [^`\n]+)`")


def blocks(path: Path, language: str) -> list[str]:
    """The code of this language on a page, a block at a time."""
    return [text for kind, text in BLOCK.findall(path.read_text()) if kind == language]


def python_block(path: Path, start: str) -> str:
    """The one Python block of a page that begins so."""
    (text,) = [text for text in blocks(path, "python") if text.startswith(start)]
    return text


def python_file(path: Path, title: str, folder: Path) -> Path:
    """The file that a page shows, whose text begins with this title, as `title.py` in a folder."""
    target = folder / f"{title.lower()}.py"
    target.write_text(python_block(path, f'"""{title}:'))
    return target


def commands(path: Path) -> list[str]:
    """The commands `bench ...` of a page: in blocks for a shell, and in its sentences."""
    text = path.read_text()
    found = INLINE.findall(BLOCK.sub("", text))
    for block in blocks(path, "sh"):
        joined = block.replace("\\\n", "")
        for line in joined.splitlines():
            found += re.findall(r"(?:^|[\s/])(bench [a-z].*)", re.split(r"\s#", line)[0])
    return [command.removeprefix("uv run ") for command in found]
