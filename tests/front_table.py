"""The README's front table, made from `results/published/neu-heldout`: `uv run python -m tests.front_table` writes it."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
BEGIN, END = "<!-- from results/published/neu-heldout -->\n", "<!-- end -->\n"


def front_table() -> str:
    """Markdown: a row a baseline, in the order of its rank at the most shots."""
    board = pd.read_csv(PUBLISHED / "neu-heldout" / "leaderboard.csv")
    shots = sorted(board["shots"].unique())
    heads = [f"rank at {shots[-1]} shots", "baseline", "seeds", *(f"{number}-shot" for number in shots), "published"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    last = board[board["shots"] == shots[-1]].sort_values(["rank", "accuracy"], ascending=[True, False])
    for row in last.to_dict("records"):
        own = board[board["baseline"] == row["baseline"]].set_index("shots")
        cells = [f"{100 * own['accuracy'][n]:.1f} +- {50 * (own['ci95_high'] - own['ci95_low'])[n]:.1f}" for n in shots]
        published = " / ".join("-" if pd.isna(own["published"][n]) else f"{100 * own['published'][n]:.2f}" for n in shots)
        published = "" if own["published"].isna().all() else published
        lines.append(f"| {row['rank']} | `{row['baseline']}` | {row['seeds']} | {' | '.join(cells)} | {published} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str) -> str:
    """The README with the table in its place."""
    head, _, rest = readme.partition(BEGIN)
    return head + BEGIN + front_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_table(path.read_text()))
