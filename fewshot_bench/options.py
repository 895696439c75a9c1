"""The options that commands share, and how their text is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = [
    "Count", "Data", "Dataset", "Form", "Out", "Plugins", "Queries", "Seed", "Shots", "Test", "Train", "Ways", "numbers",
    "request", "words",
]  # fmt: skip

Dataset = Annotated[str | None, typer.Option("--dataset", help="Data set by name; bench list shows them.")]
Data = Annotated[Path | None, typer.Option("--data", help="The folder or zip that holds the data set.")]
Train = Annotated[str | None, typer.Option("--train-classes", help="Classes to train on, e.g. Pa,In,RS.")]
Test = Annotated[str | None, typer.Option("--test-classes", help="Held-out classes, e.g. Cr,Sc,PS.")]
Ways = Annotated[str | None, typer.Option("--ways", help="Classes of an episode.  [default: 3]")]
Shots = Annotated[str | None, typer.Option("--shots", help="Support images a class, e.g. 1,3,5.  [default: 1,3,5]")]
Queries = Annotated[str | None, typer.Option("--queries", help="Query images a class: a number or all.  [default: 15]")]
Count = Annotated[str | None, typer.Option("--episodes", help="Episodes for each shot value.  [default: 2000]")]
Seed = Annotated[str | None, typer.Option("--episode-seed", help="Seed of the episodes.  [default: 0]")]
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", help="A Python file with a further baseline or data set.")]
Form = Annotated[str, typer.Option("--format", help="table, csv, md or json.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]


def words(option: str, text: str) -> list[str]:
    """Names with one comma between them."""
    found = [word.strip() for word in text.split(",")]
    if not all(found):
        raise UserError(f"{option} {text!r} has an empty entry; write names or numbers with one comma between them")
    return found


def _read(option: str, text: str, kind: type[int] | type[float], allowed: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{option} {text!r} cannot be read (allowed: {allowed})") from None


def _number(option: str, text: str) -> int | float:
    return _read(option, text, int, "a whole number")


def numbers(option: str, text: str) -> list[int]:
    """Whole numbers with one comma between them."""
    return [int(_number(option, word)) for word in words(option, text)]


def _shares(option: str, text: str) -> list[float]:
    return [_read(option, word, float, "shares such as 0.8") for word in words(option, text)]


def _number_or_all(option: str, text: str) -> int | float | str:
    return text if text == "all" else _read(option, text, int, "a whole number, or all")


def _size_or_all(option: str, text: str) -> int | float | str:
    return text if text == "all" else _read(option, text, float, "a whole number, a share such as 0.2, or all")


READERS: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("baselines", "train_classes", "test_classes"), words),
    **dict.fromkeys(("shots", "train_per_class"), numbers),
    **dict.fromkeys(("ways", "episodes", "episode_seed", "runs", "seeds", "budget", "image_size"), _number),
    "queries": _number_or_all,
    "test_images": _size_or_all,
    "train_fraction": _shares,
}


def request(settings: Sequence[str] | None = None, **options: Any) -> Request:
    """The request that these options make, those left out being None; `UserError` for text that cannot be read."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, read in READERS.items():
        if name in given:
            given[name] = read("--" + name.replace("_", "-"), given[name])
    from fewshot_bench.request import Request

    return Request(data_folder=_data_folder(), settings=_settings(settings or ()), **given)


def _data_folder() -> Path | None:
    folder = os.environ.get("FEWSHOT_BENCH_DATA")
    return Path(folder) if folder else None


def _settings(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    wrong = next((text for text, (_, equals, _) in zip(texts, pairs, strict=True) if not equals), None)
    if wrong is not None:
        raise UserError(f"--set {wrong!r} has no value; write --set BASELINE.SETTING=VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}
