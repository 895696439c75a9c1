"""One self-contained HTML page of a folder of results: no network, no clock, the same for the same records."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import shlex
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import condition_label
from fewshot_bench.leaderboard.compare import MARGIN, differences, which_test
from fewshot_bench.leaderboard.rows import row_key, rows_of
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.report import draw as pictures

__all__ = ["report"]

NAME = "report.html"
TOLD = {  # kind of picture, the start of its file's name -> what it shows
    "accuracy": "Accuracy with 95 % intervals",
    "differences": "Paired differences to the reference with 95 % intervals; within the band they count as equivalent",
    "recall": "Recall of each class at the most shots",
    "confusion": "What each class was taken for at the most shots, in % of the class",
    "episodes": "Share of the episodes above an accuracy",
    "cost": "Accuracy against the seconds of training and embedding",
    "loss": "Loss of each training",
    "heat": "What encoders look at: Grad-CAM on the same test images",
    "map": "Features of the test images in two dimensions",
    "samples": "Images of each class",
}
KEPT = ("heat", "map", "samples")  # drawn by commands that need the data


def report(
    out: Path | str = "results", reference: str | None = None, margin: float = MARGIN
) -> Path:
    """Write `report.html` below `out`, with the plots drawn anew and what `explain` and `map_features` drew; its path.

    reference: a baseline that the verdicts hold the others against; margin: a fraction, of what counts as equivalent.
    Raises `UserError` where matplotlib is not installed, or there is nothing to report.
    """
    pictures.can_plot("bench report")
    records = ResultsFolder(out, write=False)
    answers, every = records.answers(), list(records)
    if not every:
        raise UserError(f"--out {out} holds no record; run bench run --out {out} first")
    board = tables.leaderboard(answers, [record for record in every if record.status != "ok"])
    compared = None if reference is None else differences(rows_of(answers), reference, margin)
    drawn = pictures.plot(out, reference, margin) if answers else []
    kept = [
        path
        for kind in KEPT
        for path in sorted((records.out / pictures.PLOTS).glob(f"{kind}-*.png"))
    ]
    script = _resource("page.js")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        _resource("page.html")
    )
    text = page.render(
        title="Few-shot benchmark: " + ", ".join(sorted(board["protocol"].unique())),
        script=Markup(script),
        script_digest="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        baselines=sorted(board["baseline"].unique()),
        datasets=sorted(board["dataset"].unique()),
        verdicts=list(_of_ranks(board) if compared is None else _of_differences(compared)),
        tested="" if compared is None or compared.empty else which_test(compared),
        heads=list(HEADS),
        rows=[[_cell(row, name) for name in HEADS.values()] for row in board.to_dict("records")],
        pictures=[_picture(path) for path in [*(path for path in drawn if path.suffix == ".png"), *kept]],
        heat=any(path.name.startswith("heat-") for path in kept),
        pointing=_pointing(records.out / pictures.POINTING),
        settings=list(_settings(every)),
        commands=sorted({shlex.join(r.provenance["argv"]) for r in every if isinstance(r.provenance.get("argv"), list)}),
    )  # fmt: skip
    write_atomically(records.out / NAME, lambda file: file.write(text.encode()))
    return records.out / NAME


def _resource(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


HEADS = {
    "rank": "rank", "baseline": "baseline", "asked": "at", "accuracy": "accuracy", "from": "ci95_low", "to": "ci95_high",
    "published": "published", "status": "status", "trainings": "seeds", "decided by": "rule",
    "transductive": "transductive", "encoder": "encoder", "preset": "preset", "data set": "dataset",
    "protocol": "protocol", "ways": "ways", "queries": "queries", "episodes": "episodes", "test classes": "test_classes",
    "settings": "settings", "note": "note",
}  # fmt: skip
# what the rows of one ranking share
AMONG = [
    "dataset_digest",
    "protocol",
    "test_classes",
    "preset",
    "ways",
    "queries",
    "episode_seed",
    "shots",
    "train_size",
]


CHANCE = {"energy": "cover", "hit": "hit_chance"}


def _cell(row: dict[Hashable, Any], name: str) -> dict[str, object]:
    """text, and number where the column sorts by one."""
    if name == "at":
        size = row["shots"] if pd.isna(row["train_size"]) else row["train_size"]
        return {"text": condition_label(row), "number": float(size)}
    value = row[name]
    if pd.isna(value):
        return {"text": "", "number": None}
    if name in ("accuracy", "ci95_low", "ci95_high", "published"):
        return {
            "text": f"{100 * value:.{2 if name == 'published' else 1}f}",
            "number": float(value),
        }
    if isinstance(value, bool):
        return {"text": "yes" if value else "no", "number": None}
    return {"text": str(value), "number": float(value) if isinstance(value, int | float) else None}


def _of_differences(frame: pd.DataFrame) -> Iterator[str]:
    """A sentence a row of paired differences."""
    if frame.empty:
        yield "There is nothing to compare."
    for row in frame.to_dict("records"):
        one, other, where = row["baseline"], row["reference"], _where(row)
        figures = f"{100 * row['difference']:+.1f} points, {100 * row['ci95_low']:+.1f} to {100 * row['ci95_high']:+.1f}"
        p = "p < 0.001" if row["p_holm"] < 0.001 else f"p = {row['p_holm']:.3f}"
        yield {
            "better": f"{where}: {one} is better than {other} ({figures}; {p}).",
            "worse": f"{where}: {one} is worse than {other} ({figures}; {p}).",
            "equivalent": f"{where}: {one} and {other} are equivalent within {100 * row['margin']:g} points ({figures}).",
            "undecided": f"{where}: whether {one} or {other} is better is undecided ({figures}; {p}).",
        }[row["verdict"]]


def _of_ranks(board: pd.DataFrame) -> Iterator[str]:
    """A sentence a question: which baselines none is significantly better than."""
    for _, part in board.groupby(AMONG, sort=False, dropna=False):
        several = part["baseline"].value_counts()
        first = [
            f"{_variant(row, several=several[row['baseline']] > 1)} ({100 * row['accuracy']:.1f} %)"
            for row in part[part["rank"] == 1].to_dict("records")
        ]
        where = _where(part.iloc[0].to_dict())
        yield f"{where}: " + (
            f"none is significantly better than {', '.join(first)}."
            if first
            else "there is no result."
        )


def _variant(row: Mapping[Hashable, Any], *, several: bool) -> str:
    """A baseline by name; of one with several settings by a part of their digest too."""
    return f"{row['baseline']} {str(row['settings'])[:6]}" if several else str(row["baseline"])


def _where(row: Mapping[Any, Any]) -> str:
    """What was asked, in words."""
    return (
        f"{row['protocol']} ({row['test_classes']}), {row['ways']}-way {condition_label(row)}, {row['queries']} queries, "
        f"preset {row['preset']}"
    )


def _picture(path: Path) -> dict[str, str]:
    kind, _, name = path.stem.partition("-")
    return {"told": f"{TOLD[kind]}: {name}.", "png": base64.b64encode(path.read_bytes()).decode()}


def _pointing(path: Path) -> dict[str, object] | None:
    """The table that `explain` left, where there is one."""
    if not path.is_file():
        return None
    try:
        frame = pd.read_csv(path)
        held = frame["reference"].dropna().unique()
        rows = [
            [
                *(row[name] for name in ("protocol", "test_classes", "baseline", "places")),
                *(f"{row[name]:.0f}" for name in ("images", "without_heat")),
                *(
                    text
                    for name, by in CHANCE.items()
                    for text in (_within(row, name), f"{100 * row[by]:.1f}")
                ),
                _within(row, "above_chance", sign="+"),
                *(_within(row, "difference", sign="+") for _ in held),
            ]
            for row in frame.dropna(subset=["energy"]).to_dict("records")
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not what bench explain wrote ({error}); remove it") from None
    heads = ["protocol", "test classes", "baseline", "places", "images", "no heat"]
    heads += [
        "heat in boxes",
        "by chance",
        "maximum in a box",
        "by chance",
        "above chance",
        *(f"against {name}" for name in held),
    ]
    return {"heads": heads, "rows": rows}


def _within(row: Mapping[Hashable, Any], name: str, *, sign: str = "") -> str:
    """A share in percent with its interval, where it has one."""
    if pd.isna(row[name]):
        return ""
    middle, low, high = (
        f"{100 * row[of]:{sign}.1f}" for of in (name, f"{name}_low", f"{name}_high")
    )
    return middle if pd.isna(row[f"{name}_low"]) else f"{middle} ({low} to {high})"


def _settings(records: Sequence[Record]) -> Iterator[dict[str, object]]:
    """Of each row's first training: the settings as resolved, those that were given marked, and where it was made."""
    seen: set[str] = set()
    for record in records:
        key = row_key(record)
        if key in seen:
            continue
        seen.add(key)
        baseline, made = record.baseline, record.provenance
        settings = {
            name: f"{value} (given)" if name in baseline["settings_given"] else value
            for name, value in baseline["settings"].items()
        }
        edited = " (edited)" if made.get("dirty") else ""
        about = {
            "source": baseline["sha256"],
            "data set digest": record.dataset["digest"],
            "episodes": record.episodes_digest,
            "version": record.training["version"],
            "commit": f"{made.get('commit', '')}{edited}",
            **{name: made.get(name, "") for name in ("device", "threads", "python", "started")},
            "packages": ", ".join(
                f"{name} {number}" for name, number in dict(made.get("packages", {})).items()
            ),
            "seconds": ", ".join(f"{stage} {seconds}" for stage, seconds in record.seconds.items()),
        }
        yield {
            "name": f"{baseline['name']}: {_where(tables.described(record))}",
            "pairs": [*settings.items(), *about.items()],
        }
