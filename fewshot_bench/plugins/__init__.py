"""Where baselines, data sets and rules are found: our folders and those on the user's path."""

from __future__ import annotations

import os
from pathlib import Path

from fewshot_bench.errors import UserError

__all__ = ["FOLDER_NAMES", "OWN_RULES", "PREFIX", "folders", "module_name"]

PREFIX = "fewshot_bench.plugins."  # of the names that plug-ins are imported by
FOLDER_NAMES = ("baselines", "episodes", "rules")  # of baselines, of data sets, of rules
OWN_RULES = str(Path(__file__).resolve().parents[1] / "rules")


def module_name(folder_name: str, stem: str) -> str:
    """The name by which a file of an open folder, or one like it, is imported."""
    return f"{PREFIX}{folder_name}.{stem}"


def folders(folder_name: str) -> list[str]:
    """The folders of that name: the checkout's, then one under each root of $FEWSHOT_BENCH_PATH.

    Raises `UserError` where a root has no folder of `FOLDER_NAMES`: it would bring nothing.
    """
    roots: list[Path] = []
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():  # there is none beside an installed package
        roots.append(checkout)
    for text in os.environ.get("FEWSHOT_BENCH_PATH", "").split(os.pathsep):
        if text:
            root = Path(text)
            _assert_has_a_folder(root)
            roots.append(root)
    places = [root / folder_name for root in roots]
    return [str(place) for place in places if place.is_dir()]


def _assert_has_a_folder(root: Path) -> None:
    for name in FOLDER_NAMES:
        if (root / name).is_dir():
            return
    raise UserError(
        f"$FEWSHOT_BENCH_PATH names {root}, which has no folder {' or '.join(FOLDER_NAMES)}; "
        "make one for your files"
    )
