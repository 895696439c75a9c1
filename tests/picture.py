"""The picture of a table in the README: `uv run python -m tests.picture` writes docs/leaderboard.svg from published records."""

from __future__ import annotations

import io
import itertools
import re
from pathlib import Path

import pandas as pd
from rich.console import Console

from fewshot_bench.cli.blocks import print_blocks
from fewshot_bench.cli.tables import leaderboard_blocks

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "results" / "published" / "neu-heldout-quick"
PICTURE = ROOT / "docs" / "leaderboard.svg"
TEXTS = {"group_by": str, "known_classes": str}  # an empty cell is text, not a missing number
COLUMNS = 120  # characters a line
FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # would ask another host for a font


def picture() -> str:
    """The table that `bench leaderboard` shows of these records, without its notes, as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), markup=False, emoji=False)
    rows = pd.read_csv(RECORDS / "leaderboard.csv", dtype=TEXTS).fillna(dict.fromkeys(TEXTS, ""))
    heading_and_table = itertools.islice(leaderboard_blocks(rows), 2)
    print_blocks(console, heading_and_table)
    drawn = console.export_svg(title="bench leaderboard", unique_id="leaderboard")
    return FONT_FACE.sub("", drawn)


if __name__ == "__main__":
    PICTURE.write_text(picture())
