"""The reference pages: `uv run python -m tests.reference` writes docs/commands.md and docs/columns.md.

Commands and options come from the command line itself, columns from the lists that the tables are made by.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from fewshot_bench import api, room
from fewshot_bench.advice import recommendation
from fewshot_bench.cli import request_options
from fewshot_bench.cli.main import app
from fewshot_bench.cli.option import Option
from fewshot_bench.deploy import decide
from fewshot_bench.explain import study
from fewshot_bench.leaderboard import columns
from fewshot_bench.leaderboard.diff import DIFF
from fewshot_bench.leaderboard.meanings import meaning
from fewshot_bench.leaderboard.parts import PARTS
from fewshot_bench.records.merge import Share

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = re.compile(r"\s*\[default: (.*)\]$")
BAR = "\\|"

# options that several commands take together; a larger group holds the ones before it
GROUPS: Mapping[str, Sequence[Option]] = {
    "Options of the data": request_options.DATA_OPTIONS,
    "Options of the episodes": request_options.EPISODE_OPTIONS,
    "Options of a run": request_options.REQUEST_OPTIONS,
}

COMMANDS_HEAD = """# Commands

Every command of `bench`, with its options, what each takes and its default. `bench COMMAND --help` shows the same.
What the columns of the output mean: [columns](columns.md). A first run: [getting started](getting-started.md).

A list has one comma between its entries. An entry with a comma stands in double quotes: `--test-classes '"scratch, deep",dent'`.
An option is given once, unless it says "repeat". Exit status: 0 if all went well, 1 if a result failed or a check found something,
2 if the command has a mistake (one line says which), 130 if it was stopped.

`uv run python -m tests.reference` writes this page from the command line itself, and a test holds it to that.
"""

COLUMNS_HEAD = """# Columns

What each column means in the CSV files, and in what commands print with `--format csv`. How to read a table:
[reading results](guides/reading-results.md). The fields of a record: [results/README.md](../results/README.md).

Values are fractions: 0.94, not 94. Low and high ends of intervals stand in columns of their own. A text that a spreadsheet would take
for a formula begins with `'`.

`uv run python -m tests.reference` writes this page from the lists that the tables are made by, and a test holds it to that.
"""


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of the page. name: as `meanings.OF_TABLE` has it; about: a sentence."""

    name: str
    title: str
    about: str
    columns: Sequence[str]


TABLES = (
    Table("leaderboard.csv", "leaderboard.csv", "A row a baseline and shot value (or train size).", columns.LEADERBOARD),
    Table(
        "leaderboard.csv",
        "leaderboard-wide.csv",
        "A row a baseline. Between `seeds` and `train_classes` stands a column for each shot value (`1-shot`), train size (`10 a class`, "
        "`10 % train`) or number of pairs (`10 pairs`), with `accuracy [low, high]`.",
        (*columns.WIDE_FRONT, *columns.WIDE_BACK),
    ),
    Table("comparison.csv", "comparison.csv", "`bench compare`: a row a baseline and shot value (and split).", columns.COMPARISON),
    Table("splits.csv", "splits.csv", "`--splits all`: a row a baseline and shot value, over all splits of the classes.", columns.SPLITS),
    Table("recalls.csv", "recalls.csv", "Classification protocols: a row a baseline, train size and class.", columns.RECALLS),
    Table("timings.csv", "timings.csv", "A row a training and shot value.", columns.TIMINGS),
    Table("confusion", "bench show --format csv", "A row a pair of true and predicted class.", columns.CONFUSION),
    Table("episodes", "Accuracies of single episodes", "`fewshot_bench.episodes`: a row a baseline, shot value and accuracy.", columns.EPISODES),
    Table("hardest", "bench show --hardest N", "A row a test picture, the one that was most often wrong first.", columns.HARDEST),
    Table("parts", "bench parts", "A row a source of spread, question and shot value or train size; how it is made: [reading results](guides/reading-results.md).", PARTS),
    Table("diff", "bench diff", "A row for each row of either leaderboard; what the verdicts mean: [results/README.md](../results/README.md).", DIFF),
    Table("merge", "bench merge", "A row a folder.", [field.name for field in dataclasses.fields(Share)]),
    Table("pointing.csv", "pointing.csv", "`bench explain` where defects are boxed: a row a baseline.", study.COLUMNS),
    Table("recommend", "bench recommend", "A row a method and number of labelled pictures.", tuple(recommendation.TABLE)),
    Table(
        "predictions.csv",
        "predictions.csv",
        f"`bench predict`: a row a picture. Behind these stands a column `{decide.PROBABILITY}CLASS` for each class, known ones first; "
        "their sum is 1.",
        decide.COLUMNS,
    ),
    Table("list", "bench list --csv", "A row a plug-in.", api.PLUGIN_COLUMNS),
    Table("check", "bench check", "A row a check.", api.CHECK_COLUMNS),
    Table("cache", "bench cache", "A row an entry, what was used least recently first.", room.CACHE_COLUMNS),
)  # fmt: skip


def commands() -> dict[str, Any]:
    """Every command by its name, as the command line has it."""
    return typer.main.get_command(app).commands  # type: ignore[attr-defined]


def commands_page() -> str:
    """docs/commands.md."""
    found = commands()
    lines = [COMMANDS_HEAD, *_row("command", "what it does", head=True)]
    for name, command in found.items():
        lines += _row(f"[`bench {name}`](#bench-{name})", _plain(command.help).splitlines()[0])
    for name, command in found.items():
        lines += ["", f"## bench {name}", "", _plain(command.help), "", *_examples(command)]
        lines += _parameters_of(command)
    lines += ["", "## Options that several commands take"]
    listed: set[str] = set()
    for title, group in GROUPS.items():
        own = [option for option in group if option.flag not in listed]
        lines += ["", f"### {title}", "", *_contained(title), *_row("option", "takes", "default", "what it does", head=True)]  # fmt: skip
        for option in own:
            lines += _option_row(option.flag, option.help, _takes(option), "")
        listed.update(option.flag for option in own)
    return "\n".join(lines) + "\n"


def columns_page() -> str:
    """docs/columns.md."""
    lines = [COLUMNS_HEAD]
    for table in TABLES:
        lines += [f"## {table.title}", "", table.about, "", *_row("column", "meaning", head=True)]
        for column in table.columns:
            lines += _row(f"`{column}`", _meaning(table.name, column))
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _plain(text: str) -> str:
    """A text of the help without the escapes that brackets have there."""
    return text.replace("\\[", "[")


def _meaning(table: str, column: str) -> str:
    if table == "recommend":
        return recommendation.TABLE[column]
    return meaning(table, column)


def _contained(title: str) -> list[str]:
    """The line that names the group which this one goes on from."""
    before = list(GROUPS)[: list(GROUPS).index(title)]
    return [f"Beside the {_link(before[-1])}:", ""] if before else []


def _link(title: str) -> str:
    anchor = title.lower().replace(" ", "-")
    return f"[{title[0].lower()}{title[1:]}](#{anchor})"


def _examples(command: Any) -> Iterator[str]:
    if command.epilog:
        yield "```sh"
        yield from _plain(command.epilog).splitlines()[1:]
        yield "```"
        yield ""


def _parameters_of(command: Any) -> Iterator[str]:
    """The table of a command: arguments, then its own options; a group that it takes whole is a link."""
    helps = {parameter.opts[-1]: _plain(parameter.help) for parameter in command.params}
    taken = [
        title
        for title, group in GROUPS.items()
        if all(helps.get(option.flag) == option.help for option in group)
    ]
    grouped: set[str] = set()
    if taken:
        yield f"Takes the {_link(taken[-1])}, and:"
        yield ""
        grouped = {option.flag for option in GROUPS[taken[-1]]}
    yield from _row("option", "takes", "default", "what it does", head=True)
    for parameter in command.params:
        flag = parameter.opts[-1]
        if flag not in grouped and flag != "--help":
            default = "required" if parameter.required else ""
            yield from _option_row(_name(parameter), helps[flag], _takes_of(parameter), default)


def _name(parameter: Any) -> str:
    """The flag, or the name of an argument in capitals."""
    name = parameter.opts[-1]
    return name if name.startswith("--") else name.upper()


def _option_row(name: str, text: str, takes: str, default: str) -> Iterator[str]:
    option = OPTIONS.get((name, text))
    named = DEFAULT.search(text)
    if named:
        default = named[1]
    elif (
        option is not None
        and isinstance(option.default, str | Path | int | float)
        and not isinstance(option.default, bool)
    ):
        default = str(option.default)
    yield from _row(f"`{name}`", takes, default, DEFAULT.sub("", text))


def _takes_of(parameter: Any) -> str:
    option = OPTIONS.get((parameter.opts[-1], _plain(parameter.help)))
    if option is not None:
        return _takes(option)
    return "paths or names" if parameter.nargs == -1 else "a path or name"


def _takes(option: Option) -> str:
    """What is written behind the flag."""
    reader = option.read.__doc__
    if option.type in (bool, bool | None):
        return ""
    if option.read.__module__.endswith(("parsing", "lists")) and reader:
        line = reader.splitlines()[0].rstrip(".").replace("`", "")
        return line[0].lower() + line[1:]
    if "Path" in str(option.type):
        return "paths" if "list" in str(option.type) else "a path"
    if option.type in (int, float):
        return "a whole number" if option.type is int else "a number"
    return "text"


def _every_option() -> Iterator[Option]:
    from fewshot_bench.cli import (
        advising,
        caching,
        deploying,
        exchanging,
        listing,
        options,
        reading,
        running,
    )

    modules = (
        options,
        request_options,
        advising,
        caching,
        deploying,
        exchanging,
        listing,
        reading,
        running,
    )
    for module in modules:
        for _, value in inspect.getmembers(module):
            if isinstance(value, Option):
                yield value
            elif isinstance(value, tuple):
                yield from (entry for entry in value if isinstance(entry, Option))


OPTIONS = {(option.flag, option.help): option for option in _every_option()}


def _row(*cells: str, head: bool = False) -> Iterator[str]:
    yield f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"
    if head:
        yield "|---" * len(cells) + "|"


PAGES = {"commands.md": commands_page, "columns.md": columns_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page())
