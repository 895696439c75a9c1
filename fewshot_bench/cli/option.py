"""What an option is, how its text is read, and how a command takes it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewshot_bench.cli import parsing
from fewshot_bench.cli.panels import option_panel
from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = ["REQUIRED", "Argument", "Option", "Text", "examples", "takes"]

Command = Callable[..., None]
# most options come as text and are read here, so that a mistake gives one line with what is allowed
Text = str | None
# for an option that may be given once: typer reads it as a list, with this text in its help, as
# of a single value it would drop all but the last without a word
ONCE: dict[Any, tuple[Any, str]] = {
    Text: (list[str] | None, "<str>"),
    Path | None: (list[Path] | None, "<path>"),
}
WRITTEN = "written"  # the parameter
REPEATED = (list[str] | None, list[Path])
# what the help shows in the place of a value, by what reads it
METAVARS: dict[Callable[..., Any], str] = {
    parsing.whole_number: "<int>",
    parsing.whole_numbers: "<int,...>",
    parsing.number: "<float>",
    parsing.shares: "<float,...>",
    parsing.names: "<name,...>",
    parsing.causes: "<name,...>",
    parsing.days: "<days>",
    parsing.settings: "<name=value>",
    parsing.size_or_all: "<size|all>",
    parsing.whole_number_or_all: "<int|all>",
    parsing.whole_number_or_auto: "<int|auto>",
}
REQUIRED = inspect.Parameter.empty  # in the place of a default


def _unchanged(flag: str, value: Any) -> Any:  # noqa: ARG001  the signature of a reader
    return value


@dataclass(frozen=True)
class Option:
    """One option of the command line.

    flag: as a user types it; type: what typer reads; read: makes of that what a command gets, see
    `parsing`; parameter: its name in a command or a `Request`, where the flag is called otherwise;
    is_once: a second one is a mistake, and does not replace the first; apply: is called with what
    was written before the other options are read.
    """

    flag: str
    help: str
    type: Any = Text
    default: Any = None
    read: Callable[[str, Any], Any] = _unchanged
    parameter: str = ""
    is_once: bool = False
    apply: Callable[..., Any] | None = None

    @property
    def is_flag(self) -> bool:
        """Whether it has no value."""
        return self.type in (bool, bool | None)

    @property
    def is_repeated(self) -> bool:
        """Whether it may be given several times."""
        return self.type in REPEATED

    @property
    def is_list(self) -> bool:
        """Whether its text is several entries with commas between them."""
        return self.read in parsing.LISTS

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
        declaration = typer.Option(
            self.flag,
            help=_escaped(self.help),
            metavar="" if self.is_flag else METAVARS.get(self.read, metavar),
            rich_help_panel=option_panel(self.flag),
            callback=self.apply,
            is_eager=self.apply is not None,
        )
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
        declaration = typer.Argument(help=_escaped(self.help))
        return Annotated[self.type, declaration]


def takes(*options: Option, request: Sequence[Option] = ()) -> Callable[[Command], Command]:
    """Give a command these options, each as the parameter of its name.

    request: options of a request, which the command gets as one parameter, `request`. A command
    with the parameter `written` gets what was written for all of them.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(**written: Any) -> None:
            values = _values(options, written)
            if request:
                values["request"] = _request(_values(request, written))
            if WRITTEN in inspect.signature(command).parameters:
                values[WRITTEN] = written
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
    return _escaped("\n".join(["Examples:", *commands]))


def _escaped(text: str) -> str:
    """Text of the help, in which brackets are no markup of rich."""
    return text.replace("[", r"\[")


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
    from fewshot_bench.request import Request  # needed by few commands

    given = {name: value for name, value in values.items() if value is not None}
    return Request(**given)
