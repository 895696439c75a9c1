"""Under which headings the help shows commands and options."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["command_panel", "option_panel"]

COMMANDS = {
    "Run": ("run", "recommend", "explain", "map"),
    "Read results": ("leaderboard", "compare", "show", "plot", "report", "parts"),
    "Folders of results": ("merge", "diff", "clean"),
    "Data and methods": ("list", "data", "episodes", "check", "cache"),
    "Put a method to work": ("predict", "export"),
}
OPTIONS = {
    "Data": (
        *("--dataset", "--data", "--known", "--new", "--group-by", "--class-level", "--fit"),
        *("--keep-masks", "--labels", "--label-columns", "--multi-label", "--class-names"),
        *("--crop-boxes", "--near-duplicates"),
    ),
    "Episodes": (
        *("--protocol", "--train-classes", "--test-classes", "--splits", "--ways", "--shots"),
        *("--queries", "--episodes", "--episode-seed", "--episodes-file", "--open-set"),
    ),
    "Classification and pairs": (
        *("--train-per-class", "--train-fraction", "--runs", "--test-images", "--pairs"),
        "--unlabelled",
    ),
    "Methods": (
        *("--baselines", "--rules", "--views", "--preset", "--encoder", "--weights"),
        *("--image-size", "--freeze", "--budget", "--set", "--seed", "--seeds", "--plugin"),
        *("--method", "--recommendation", "--train"),
    ),
    "Machine": (
        *("--device", "--threads", "--jobs", "--gpus-per-job", "--engine", "--scheduler"),
        "--minutes",
    ),
    "Results": (
        *("--config", "--out", "--fresh", "--keep-checkpoints", "--tracker", "--reference"),
        *("--margin", "--plots", "--format", "--json", "--csv", "--quiet", "--sheet"),
        *("--hardest", "--dry-run"),
    ),
}


def command_panel(name: str) -> str | None:
    """The heading of a command; None: the first one."""
    return _panel(COMMANDS, name)


def option_panel(flag: str) -> str | None:
    """The heading of an option; None: the first one."""
    return _panel(OPTIONS, flag)


def _panel(panels: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    for panel, names in panels.items():
        if name in names:
            return panel
    return None
