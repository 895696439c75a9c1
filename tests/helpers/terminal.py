"""What tables print, and the texts of their columns."""

import io
from collections.abc import Callable, Iterable

import pandas as pd
from rich.console import Console

from fewshot_bench.cli.blocks import Block, print_blocks

__all__ = ["RESULT", "Row", "names", "shown"]

Row = dict[str, object]
BlocksOf = Callable[[pd.DataFrame], Iterable[Block]]

# a row of a leaderboard
RESULT: Row = {
    "rank": 1,
    "baseline": "resnet",
    "encoder": "resnet18",
    "preset": "quick",
    "dataset": "steel",
    "protocol": "steel-heldout",
    "ways": 3,
    "shots": 5,
    "queries": 15,
    "episodes": 2000,
    "episode_seed": 0,
    "seeds": 1,
    "status": "ok",
    "accuracy": 0.7,
    "ci95_low": 0.6,
    "ci95_high": 0.8,
    "rule": "mean_cosine",
    "transductive": False,
    "train_classes": "Pa | In",
    "test_classes": "Cr | Sc | PS",
    "episodes_file": "",
    "group_by": "",
    "unlabelled": "",
    "dataset_digest": "0" * 32,
    "note": "",
    "ties": "a",
    "would_decide": "",
}


def shown(blocks_of: BlocksOf, frame: pd.DataFrame, width: int = 200) -> str:
    """What a terminal of that width gets."""
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, emoji=False)
    print_blocks(console, blocks_of(frame))
    return out.getvalue()


def names(text: str, column: int = 1) -> list[list[str]]:
    """For each table the texts of one column, from the top on."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("┏"):
            found.append([])
        if line.startswith("│"):
            found[-1].append(line.split("│")[column + 1].strip())
    return found
