"""The one table of options: name, type, default, help, and how the text is read.

A command names the options that it takes, with `takes`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewshot_bench.cli import parsing
from fewshot_bench.cli.output import known_form
from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = [
    "CLEAR",
    "CSV",
    "DATA_OPTIONS",
    "EPISODES_TO_WRITE",
    "EPISODE_OPTIONS",
    "FORMAT",
    "FRESH",
    "IMAGES",
    "JSON",
    "MAP_METHOD",
    "MARGIN",
    "METHODS",
    "OLDER_THAN",
    "OUT",
    "PATH_OF_DATA",
    "PLOTS",
    "PLUGIN",
    "QUIET",
    "REFERENCE",
    "REQUEST_OPTIONS",
    "REQUIRED_REFERENCE",
    "SAMPLES",
    "SHOWN_BASELINES",
    "SHOWN_SHOTS",
    "STAGE",
    "Argument",
    "Option",
    "examples",
    "takes",
]

Command = Callable[..., None]
# most options come as text and are read here, so that a mistake gives one line with what is allowed
Text = str | None
# for an option that may be given once: typer reads it as a list, with this text in its help, as
# of a single value it would drop all but the last without a word
ONCE: dict[Any, tuple[Any, str]] = {
    Text: (list[str] | None, "<str>"),
    Path | None: (list[Path] | None, "<path>"),
}
REQUIRED = inspect.Parameter.empty  # in the place of a default


def _unchanged(flag: str, value: Any) -> Any:  # noqa: ARG001  the signature of a reader
    return value


@dataclass(frozen=True)
class Option:
    """One option of the command line.

    flag: as a user types it; type: what typer reads; read: makes of that what a command gets, see
    `parsing`; parameter: its name in a command or a `Request`, where the flag is called otherwise;
    is_once: a second one is a mistake, and does not replace the first.
    """

    flag: str
    help: str
    type: Any = Text
    default: Any = None
    read: Callable[[str, Any], Any] = _unchanged
    parameter: str = ""
    is_once: bool = False

    @property
    def name(self) -> str:
        """The parameter of a command, or the field of a `Request`, that gets the value."""
        if self.parameter:
            return self.parameter
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def annotation(self) -> Any:
        """The annotation that typer reads."""
        read_as, metavar = ONCE[self.type] if self.is_once else (self.type, None)
        declaration = typer.Option(self.flag, help=self.help, metavar=metavar)
        return Annotated[read_as, declaration]

    def value(self, written: Any) -> Any:
        """The value for what was written; None where the option was left out.

        Raises `UserError` where an option that may be given once was given twice.
        """
        if written is None:
            return None
        if self.is_once:
            if len(written) > 1:
                values = " and ".join(map(str, written))
                raise UserError(f"{self.flag} is given twice ({values}); leave one out")
            written = written[0]
        return self.read(self.flag, written)


@dataclass(frozen=True)
class Argument(Option):
    """One argument: what stands in a command without a flag. flag: its name in the help."""

    @property
    def annotation(self) -> Any:
        """The annotation that typer reads."""
        declaration = typer.Argument(help=self.help)
        return Annotated[self.type, declaration]


DATASET = Option("--dataset", "Name of the data set; bench list shows all.")
GROUP_BY = Option(
    "--group-by",
    "Regular expression: the part of a file name that tells plate, part or wafer.",
)
CLASS_LEVEL = Option(
    "--class-level",
    "Level of the folders that are the classes, 1 being the first.  [default: the one that varies]",
    read=parsing.whole_number,
)
FIT = Option("--fit", "How an image becomes a square: squash, pad or crop.  [default: squash]")
KEEP_MASKS = Option(
    "--keep-masks",
    "Read masks and annotations beside the pictures as pictures.",
    bool | None,
)
# what every command takes that loads data
DATA_OPTIONS = (
    *(DATASET, GROUP_BY, CLASS_LEVEL, FIT, KEEP_MASKS),
    Option("--labels", "Table with the path and label of each picture (.csv, .tsv).", Path | None),
    Option("--label-columns", "Columns of the table, e.g. path=file,label=2."),
    Option("--multi-label", "A picture with several labels: error, first, drop.  [default: error]"),
    Option("--class-names", "Names for classes, e.g. 0=background,1=crack."),
    Option("--crop-boxes", "Make each box an image, with this margin.", read=parsing.number),
)
# what bench episodes takes of a request; a default stands in the help where the protocol sets it
EPISODE_OPTIONS = (
    *DATA_OPTIONS,
    Option("--data", "Folder or zip that holds the data set.", Path | None, is_once=True),
    Option(
        "--train-classes",
        "Classes to train on, e.g. Pa,In,RS.",
        read=parsing.names,
        is_once=True,
    ),
    Option(
        "--test-classes",
        "Held-out classes, e.g. Cr,Sc,PS.",
        read=parsing.names,
        is_once=True,
    ),
    Option("--ways", "Classes per episode.  [default: 3]", read=parsing.whole_number),
    Option(
        "--shots",
        "Support images per class, e.g. 1,3,5.  [default: 1,3,5]",
        read=parsing.whole_numbers,
    ),
    Option(
        "--queries",
        "Query images per class: a number or all.  [default: 15]",
        read=parsing.whole_number_or_all,
    ),
    Option(
        "--episodes",
        "Episodes for each shot value.  [default: 2000]",
        read=parsing.whole_number,
    ),
    Option("--episode-seed", "Seed of the episodes.  [default: 0]", read=parsing.whole_number),
    Option(
        "--near-duplicates",
        "keep, drop (all but the first of each group), group (never in support and queries at "
        "once) or report.",
        str,
        "report",
    ),
)
# a whole request
REQUEST_OPTIONS = (
    *EPISODE_OPTIONS,
    Option("--protocol", "A named protocol, e.g. neu-small; bench list shows them."),
    Option(
        "--train-per-class",
        "Classification: train images per class, e.g. 10,20,50.",
        read=parsing.whole_numbers,
    ),
    Option(
        "--train-fraction",
        "Classification: share of the images to train on, e.g. 0.8,0.7,0.6.",
        read=parsing.shares,
    ),
    Option(
        "--runs",
        "Classification: random splits, each trained on anew.  [default: 10]",
        read=parsing.whole_number,
    ),
    Option(
        "--test-images",
        "Classification: number or share of the images to test on, or all (all others).",
        read=parsing.size_or_all,
    ),
    Option(
        "--episodes-file",
        "Replay the episodes of a file that bench episodes wrote.",
        Path | None,
    ),
    Option("--splits", "all: run every choice of as many held-out classes."),
    Option(
        "--baselines",
        "Names of baselines, also as frozen+whitened, or all.  [default: the standard ones]",
        read=parsing.names,
    ),
    Option(
        "--rules",
        "Decision rules on the features: names, own, or all fast ones.  [default: own]",
        read=parsing.names,
    ),
    Option(
        "--views",
        "Views of each test image, whose features are averaged: 1 or 8.  [default: 1]",
        read=parsing.whole_number,
    ),
    Option(
        "--preset",
        "quick (pretrained), scratch or paper (both from random weights).",
        str,
        "quick",
    ),
    Option(
        "--encoder",
        "efficientnet_lite0, a torchvision classifier, e.g. resnet50, or timm:NAME.",
    ),
    Option(
        "--weights",
        "none, DEFAULT, published weights, e.g. IMAGENET1K_V2, or a file, e.g. moco.pth.",
    ),
    Option(
        "--image-size",
        "Side of the images that enter the encoder, in pixels; 0: the encoder's own.",
        read=parsing.whole_number,
    ),
    Option(
        "--freeze",
        "Keep the encoder as it is, and train only what is added to it.",
        bool | None,
    ),
    Option(
        "--budget",
        "Images passed through the encoder in training.",
        read=parsing.whole_number,
    ),
    Option(
        "--set",
        "One setting, e.g. scl_amp.margin=0.3; repeat for more.",
        list[str] | None,
        read=parsing.settings,
        parameter="settings",
    ),
    Option("--seeds", "Trainings of each baseline.  [default: 1]", read=parsing.whole_number),
    Option("--device", "auto, cpu or cuda.", str, "auto"),
)

# options and arguments of single commands
METHODS = Argument(
    "methods",
    "Python files that define a baseline or rule, names of them, or all.",
    list[str],
    REQUIRED,
)
EPISODES_TO_WRITE = Argument("file", "The .npz file to write.", Path, REQUIRED)
PATH_OF_DATA = Argument("path", "The folder or zip.", Path | None)
REFERENCE = Option("--reference", "Baseline that the others are compared with.")
REQUIRED_REFERENCE = dataclasses.replace(REFERENCE, type=str, default=REQUIRED)
MARGIN = Option(
    "--margin",
    "Differences within this many points count as equivalent.",
    float,
    0.5,
    read=parsing.points,
)
# --baselines and --shots mean something else where results are read: which of them to show
SHOWN_BASELINES = Option(
    "--baselines",
    "Names of baselines.  [default: all there are]",
    read=parsing.names,
)
SHOWN_SHOTS = Option(
    "--shots", "Shot values.  [default: all there are]", read=parsing.whole_numbers
)
IMAGES = Option("--images", "Test images to draw.", int, 6)
STAGE = Option("--stage", "Convolutional stage, counted from the last.", int, 1)
MAP_METHOD = Option("--method", "pca, tsne or umap.", str, "pca")
OUT = Option("--out", "Folder of the results.", Path, Path("results"))
PLOTS = Option("--plots", "Draw the plots too, beside the CSV files.", bool, default=False)
FRESH = Option("--fresh", "Compute again what is on disk.", bool, default=False)
CLEAR = Option("--clear", "Remove what is in the cache and not in use.", bool, default=False)
OLDER_THAN = Option(
    "--older-than",
    "With --clear: only what was not used for so many days.",
    read=parsing.days,
)
SAMPLES = Option("--show", "Draw some images of each class.", bool, default=False)
CSV = Option("--csv", "Print CSV, with the settings of each.", bool, default=False)
PLUGIN = Option(
    "--plugin",
    "A Python file with another baseline, rule or data set; repeat for more.",
    list[Path],
    (),
    parameter="plugins",
)
QUIET = Option("--quiet", "Print errors only.", bool, default=False)
FORMAT = Option(
    "--format",
    "table, csv, md or json.",
    str,
    "table",
    read=known_form,
    parameter="form",
)
JSON = Option("--json", "Same as --format json.", bool, default=False)


def takes(*options: Option, request: Sequence[Option] = ()) -> Callable[[Command], Command]:
    """Give a command these options, each as the parameter of its name.

    request: options of a request, which the command gets as one parameter, `request`.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(**written: Any) -> None:
            values = _values(options, written)
            if request:
                values["request"] = _request(_values(request, written))
            command(**values)

        parameters = []
        annotations = {}
        for option in (*request, *options):
            parameters.append(_parameter(option))
            annotations[option.name] = option.annotation
        # typer reads both
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        with_options.__annotations__ = annotations
        return with_options

    return decorate


def examples(*commands: str) -> str:
    """The text below the help of a command."""
    return f"Examples: {' | '.join(commands)}"


def _parameter(option: Option) -> inspect.Parameter:
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=option.annotation,
    )


def _values(options: Sequence[Option], written: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for option in options:
        values[option.name] = option.value(written[option.name])
    return values


def _request(values: Mapping[str, Any]) -> Request:
    """The request that these values make; options that were left out are None."""
    from fewshot_bench.request import Request  # imports numpy: not for --help

    given = {name: value for name, value in values.items() if value is not None}
    return Request(data_folder=_data_folder(), **given)


def _data_folder() -> Path | None:
    folder = os.environ.get("FEWSHOT_BENCH_DATA")
    return Path(folder) if folder else None
