"""The picture of a table in the README: `uv run python -m tests.picture` writes docs/leaderboard.svg from published records."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from fewshot_bench import api
from fewshot_bench.cli import tables

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "results" / "published" / "neu-heldout-quick"
PICTURE = ROOT / "docs" / "leaderboard.svg"
COLUMNS = 100  # characters a line
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # would ask another host for a font


def picture() -> str:
    """The table that `bench leaderboard` shows of these records, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), markup=False, emoji=False)
    tables.show_leaderboard(console, api.leaderboard(RECORDS))
    drawn = console.export_svg(title="bench leaderboard", unique_id="leaderboard")
    return FONT_FACE.sub("", drawn)


if __name__ == "__main__":
    PICTURE.write_text(picture())
