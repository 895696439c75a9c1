"""What can be named, one line each, and all that is known of one name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.planning.presets import PRESETS
from fewshot_bench.registry.described import Described

__all__ = ["description_blocks", "kind_of", "plugin_blocks"]

HEADS = ("name", "year", "title", "about")


def kind_of(word: str, kinds: Iterable[str]) -> str | None:
    """The kind that a plural such as `baselines` or `datasets` means, if it means one."""
    for kind in kinds:
        plural = f"{kind}s"
        if word in (plural, plural.replace(" ", ""), plural.replace(" ", "-")):
            return kind
    return None


def plugin_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """A table of one line each for each kind, then what cannot be used, with the reason."""
    unusable = frame[frame["error"] != ""]
    for kind, rows in frame[frame["error"] == ""].groupby("kind", sort=False):
        yield Line(f"{kind}s")
        yield _kind_grid(rows)
    for row in unusable.to_dict("records"):
        yield Line(f"not usable: {row['name']}: {row['error']}", wraps=False)
    yield Line("bench list NAME has the rest: source, settings with their defaults, protocols.")


def _kind_grid(rows: pd.DataFrame) -> Grid:
    texts = []
    for row in rows.to_dict("records"):
        year = "" if pd.isna(row["year"]) else str(row["year"])
        texts.append([row["name"], year, row["title"], row["about"]])
    grid = Grid(HEADS, texts, spare=("about",), shrinks=2, is_cut=True)
    # a column in which nothing stands is none
    kept = [column for column, cells in enumerate(zip(*texts, strict=True)) if any(cells)]
    return grid.only(kept)


def description_blocks(found: Iterable[Described]) -> Iterator[Block]:
    """One fact a line, and the settings with their defaults."""
    for one in found:
        yield Line(f"{one.kind} {one.name}: {one.title}")
        for what, text in one.facts.items():
            yield Line(f"  {what}: {text}")
        if one.settings:
            texts = [[name, _default_text(value)] for name, value in one.settings.items()]
            yield Grid(("setting", "default"), texts)
        if one.kind == "baseline":
            yield from _preset_lines(one)
        if one.about_settings:
            yield Line(one.about_settings)


def _preset_lines(method: Described) -> Iterator[Line]:
    """A line a preset: the settings for which it has values of its own, that of the run first."""
    own = "encoder" not in method.settings  # its own network
    for preset in PRESETS.values():
        of_preset = preset.settings(side=0, train_images=0, views=0, own_network=own)
        of_data = preset.settings(side=1, train_images=1000, views=1, own_network=own)
        texts = []
        for name, value in of_preset.items():
            follows_data = value != of_data[name]
            shown = "by the data" if follows_data else value
            if name in method.settings and name not in method.chosen:
                texts.append(f"{name} {shown}")
        if texts:
            yield Line(f"--preset {preset.name}: {', '.join(texts)}.")


def _default_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)
