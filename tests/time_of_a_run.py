"""Where the time of a whole run goes: imports, reading, training, embedding, scoring, tables.

    uv run python -m tests.time_of_a_run NEU-CLS.zip --rounds 3

Each run is a process of its own with an empty cache and an empty folder of results; runs take turns, and the medians count.
Writes the picture docs/time-of-a-run.svg and prints the table of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "time-of-a-run.svg"
PARTS = (
    "importing torch",
    "importing the rest",
    "reading, drawing episodes",
    "making networks",
    "training",
    "embedding",
    "scoring, records",
    "leaderboard",
    "way out",
)
# what goes on from an event of this stage to the next event
AFTER = {
    "start": "making networks",
    "train": "training",
    "embed": "embedding",
    "score": "scoring, records",
    "cell": "making networks",
    "done": "scoring, records",
    "found": "scoring, records",
    "wait": "scoring, records",
}
COLOURS = (
    *("#9e9e9e", "#cfcfcf", "#8dc8a6", "#f0d58c", "#d5802b"),
    *("#3b75af", "#8c6bb1", "#c0504d", "#555555"),
)
Seconds = dict[str, float]  # part -> seconds


def requests(neu: Path) -> dict[str, dict[str, object]]:
    """The runs that are measured, by what is typed."""
    return {
        "bench run --ways 3 --shots 1,3,5": {"ways": 3, "shots": [1, 3, 5]},
        "bench run --data NEU-CLS.zip --splits all --baselines frozen --rules all": {
            "data": str(neu),
            "splits": "all",
            "baselines": ["frozen"],
            "rules": ["all"],
        },
    }


def measured(fields: Mapping[str, object]) -> Seconds:
    """The seconds of each part of one run, in a new process."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "times.json"
        environment = {**os.environ, "FEWSHOT_BENCH_CACHE": f"{place}/cache"}
        words = [json.dumps(fields), str(out), str(time.time())]
        command = [sys.executable, "-m", "tests.time_of_a_run", "--inside", *words]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        ended = time.time()
        times: Seconds = json.loads(out.read_text())
    times["way out"] = ended - times.pop("end")
    return times


def inside(fields: str, out: str, begun: str) -> None:
    """One run, in the process that was begun for it."""
    import torch  # noqa: F401

    times: Seconds = dict.fromkeys(PARTS, 0.0)
    last = time.time()
    times["importing torch"] = last - float(begun)
    from fewshot_bench import Request, api

    request = Request(**json.loads(fields))
    now = time.time()
    times["importing the rest"] = now - last
    last = now
    going_on = "reading, drawing episodes"

    def notify(progress: api.Progress) -> None:
        nonlocal last, going_on
        now = time.time()
        times[going_on] += now - last
        last = now
        going_on = AFTER[progress.stage]

    api.run(request, Path(out).parent / "results", notify=notify)
    now = time.time()
    times["leaderboard"] = now - last
    times["end"] = now
    Path(out).write_text(json.dumps(times))


def draw(runs: Mapping[str, Seconds]) -> None:
    """A bar a run, its parts in their order."""
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = "time of a run"
    figure, axes = pyplot.subplots(len(runs), 1, figsize=(9, 1.7 * len(runs) + 0.6))
    for axis, (name, times) in zip(axes, runs.items(), strict=True):
        left = 0.0
        for part, colour in zip(PARTS, COLOURS, strict=True):
            axis.barh(0, times[part], left=left, color=colour, label=part)
            left += times[part]
        axis.set_title(f"{name}: {left:.0f} s", loc="left", fontsize=9)
        axis.set_yticks([])
        axis.set_xlabel("seconds", fontsize=8)
        axis.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=5, fontsize=8, loc="lower center", frameon=False)
    figure.tight_layout(rect=(0, 0.12, 1, 1))
    figure.savefig(PICTURE, metadata={"Date": None})


def table(runs: Mapping[str, Seconds]) -> str:
    """Seconds by part (row) and run (column), as Markdown."""
    lines = ["| part | " + " | ".join(f"`{name}`" for name in runs) + " |"]
    lines.append("|---" * (1 + len(runs)) + "|")
    for part in PARTS:
        cells = [f"{times[part]:.1f}" for times in runs.values()]
        lines.append(f"| {part} | {' | '.join(cells)} |")
    totals = [f"{sum(times.values()):.1f}" for times in runs.values()]
    lines.append(f"| **together, s** | {' | '.join(totals)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("neu", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: dict[str, list[Seconds]] = {}
    for _ in range(options.rounds):
        for name, fields in requests(options.neu.resolve()).items():
            rounds.setdefault(name, []).append(measured(fields))
    medians = {}
    for name, runs in rounds.items():
        medians[name] = {part: statistics.median(run[part] for run in runs) for part in PARTS}
    draw(medians)
    print(table(medians))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(*sys.argv[2:5])
    else:
        main()
