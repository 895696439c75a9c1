"""Where plug-ins of each kind are found: our folders and those on the user's path."""

from __future__ import annotations

import os
from pathlib import Path

from fewshot_bench.errors import UserError

__all__ = ["FOLDER_NAMES", "PREFIX", "folders", "folders_with_own", "module_name"]

PREFIX = "fewshot_bench.plugins."  # of the names that plug-ins are imported by
FOLDER_NAMES = ("baselines", "episodes", "rules", "trackers", "engines")  # episodes: of data sets
PACKAGE = Path(__file__).resolve().parents[1]


def module_name(folder_name: str, stem: str) -> str:
    """The name by which a file of an open folder, or one like it, is imported."""
    return f"{PREFIX}{folder_name}.{stem}"


def folders(folder_name: str) -> list[str]:
    """The folders of that name: the checkout's, then one under each root of $FEWSHOT_BENCH_PATH.

    Raises `UserError` where a root has no folder of `FOLDER_NAMES`: it would bring nothing.
    """
    roots: list[Path] = []
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file():  # there is none beside an installed package
        roots.append(checkout)
    for text in os.environ.get("FEWSHOT_BENCH_PATH", "").split(os.pathsep):
        if text:
            root = Path(text)
            _assert_has_a_folder(root)
            roots.append(root)
    places = [root / folder_name for root in roots]
    return [str(place) for place in places if place.is_dir()]


def folders_with_own(folder_name: str) -> list[str]:
    """The package's own folder of that name, then those of `folders`."""
    return [str(PACKAGE / folder_name), *folders(folder_name)]


def _assert_has_a_folder(root: Path) -> None:
    for name in FOLDER_NAMES:
        if (root / name).is_dir():
            return
    raise UserError(
        f"$FEWSHOT_BENCH_PATH names {root}, which has no folder {' or '.join(FOLDER_NAMES)}; "
        "make one for your files"
    )
