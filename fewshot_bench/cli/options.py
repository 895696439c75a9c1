"""The options that commands share, how their text is read, and the request that they make."""

from __future__ import annotations

import functools
import inspect
import os
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = [
    "EPISODES",
    "EVERY",
    "Baselines",
    "Margin",
    "Out",
    "Plugins",
    "asking",
    "fraction",
    "numbers",
    "words",
]

Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file with a further baseline or data set."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]
Margin = Annotated[
    float, typer.Option(help="Points within which a difference counts as equivalent.")
]
Baselines = Annotated[
    str | None, typer.Option("--baselines", help="Names.  [default: all there are]")
]

# of a request: name -> (type, default, flags, help)
Text = str | None
REQUEST: dict[str, tuple[Any, Any, str, str]] = {
    "dataset": (Text, None, "--dataset", "Data set by name; bench list shows them."),
    "data": (Path | None, None, "--data", "The folder or zip that holds the data set."),
    "train_classes": (Text, None, "--train-classes", "Classes to train on, e.g. Pa,In,RS."),
    "test_classes": (Text, None, "--test-classes", "Held-out classes, e.g. Cr,Sc,PS."),
    "ways": (Text, None, "--ways", "Classes of an episode.  [default: 3]"),
    "shots": (Text, None, "--shots", "Support images a class, e.g. 1,3,5.  [default: 1,3,5]"),
    "queries": (Text, None, "--queries", "Query images a class: a number or all.  [default: 15]"),
    "episodes": (Text, None, "--episodes", "Episodes for each shot value.  [default: 2000]"),
    "episode_seed": (Text, None, "--episode-seed", "Seed of the episodes.  [default: 0]"),
    "protocol": (
        Text,
        None,
        "--protocol",
        "A named protocol, e.g. neu-small; bench list shows them.",
    ),
    "train_per_class": (
        Text,
        None,
        "--train-per-class",
        "Classification: train images a class, e.g. 10,20,50.",
    ),
    "train_fraction": (
        Text,
        None,
        "--train-fraction",
        "Classification: share to train on, e.g. 0.8,0.7,0.6.",
    ),
    "runs": (Text, None, "--runs", "Classification: splits drawn and trained on.  [default: 10]"),
    "test_images": (
        Text,
        None,
        "--test-images",
        "Classification: a number, a share, or all the rest.",
    ),
    "episodes_file": (
        Path | None,
        None,
        "--episodes-file",
        "Replay the episodes that bench episodes wrote.",
    ),
    "splits": (Text, None, "--splits", "all: every choice of as many held-out classes."),
    "baselines": (Text, None, "--baselines", "Names, or all.  [default: the standard ones]"),
    "preset": (str, "quick", "--preset", "quick or paper."),
    "encoder": (Text, None, "--encoder", "A torchvision classifier, e.g. resnet50, or timm:NAME."),
    "weights": (Text, None, "--weights", "none, DEFAULT, or published ones, e.g. IMAGENET1K_V2."),
    "image_size": (Text, None, "--image-size", "Pixels a side of what enters the encoder."),
    "freeze": (bool | None, None, "--freeze", "Train what stands beside the encoder alone."),
    "budget": (Text, None, "--budget", "Images passed through the encoder in training."),
    "settings": (
        list[str] | None,
        None,
        "--set",
        "One setting, e.g. scl_amp.margin=0.3; repeat for more.",
    ),
    "seeds": (Text, None, "--seeds", "Trainings of each baseline.  [default: 1]"),
    "device": (str, "auto", "--device", "auto, cpu or cuda."),
}
EVERY = tuple(REQUEST)
EPISODES = EVERY[: EVERY.index("protocol")]


def asking(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options of a request, in the place of its parameter `asked`, which gets the request."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(command, localns={"Request": object}, include_extras=True)
        own = [
            p.replace(annotation=hints[p.name])
            for p in inspect.signature(command).parameters.values()
        ]

        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            given = {name: values.pop(name) for name in names}
            command(asked=_request(given), **values)

        options = [_parameter(name, *REQUEST[name]) for name in names]
        mine = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name != "asked"]
        with_options.__signature__ = inspect.Signature([*options, *mine])  # type: ignore[attr-defined]
        with_options.__annotations__ = {p.name: p.annotation for p in (*options, *mine)}
        return with_options

    return decorate


def _parameter(name: str, kind: Any, default: Any, flag: str, told: str) -> inspect.Parameter:
    option = Annotated[kind, typer.Option(flag, help=told)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option
    )


def words(option: str, text: str) -> list[str]:
    """Names with one comma between them."""
    found = [word.strip() for word in text.split(",")]
    if not all(found):
        raise UserError(
            f"{option} {text!r} has an empty entry; write names or numbers with one comma between them"
        )
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
    return (
        text
        if text == "all"
        else _read(option, text, float, "a whole number, a share such as 0.2, or all")
    )


READERS: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("baselines", "train_classes", "test_classes"), words),
    **dict.fromkeys(("shots", "train_per_class"), numbers),
    **dict.fromkeys(
        ("ways", "episodes", "episode_seed", "runs", "seeds", "budget", "image_size"), _number
    ),
    "queries": _number_or_all,
    "test_images": _size_or_all,
    "train_fraction": _shares,
}


def _request(options: dict[str, Any]) -> Request:
    """The request that these options make, those left out being None; `UserError` for text that cannot be read."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, read in READERS.items():
        if name in given:
            given[name] = read("--" + name.replace("_", "-"), given[name])
    from fewshot_bench.request import Request

    return Request(
        data_folder=_data_folder(), **given | {"settings": _settings(given.get("settings", ()))}
    )


def _data_folder() -> Path | None:
    folder = os.environ.get("FEWSHOT_BENCH_DATA")
    return Path(folder) if folder else None


def _settings(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    wrong = next(
        (text for text, (_, equals, _) in zip(texts, pairs, strict=True) if not equals), None
    )
    if wrong is not None:
        raise UserError(f"--set {wrong!r} has no value; write --set BASELINE.SETTING=VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}


def fraction(margin: float) -> float:
    """A margin in points as a fraction."""
    if not 0 < margin < 100:
        raise UserError(
            f"--margin {margin} is out of bounds (allowed: more than 0, less than 100 points)"
        )
    return margin / 100
