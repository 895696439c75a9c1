"""Options are declared once, read as the help says, and handed to commands by name."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from fewshot_bench.cli import (
    advising,
    caching,
    deploying,
    exchanging,
    listing,
    options,
    parsing,
    reading,
    request_options,
    running,
)
from fewshot_bench.cli.output import chosen_form, known_form
from fewshot_bench.cli.panels import OPTIONS, command_panel, option_panel
from fewshot_bench.cli.parsing import names
from fewshot_bench.cli.request_options import REQUEST_OPTIONS
from fewshot_bench.cli.running import RUN_OPTIONS
from fewshot_bench.errors import UserError
from fewshot_bench.request import Request

COMMANDS = {
    command.callback.__name__: command.callback
    for module in (running, listing, reading, exchanging, caching, deploying)
    for command in module.app.registered_commands
}


def test_there_are_nineteen_commands():
    assert len(COMMANDS) == 19


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_parameter_for_each_option_that_it_takes(name: str):
    command = COMMANDS[name]
    taken = set(inspect.signature(command).parameters)
    own = set(inspect.signature(inspect.unwrap(command)).parameters) - {"written"}
    of_request = {option.name for option in REQUEST_OPTIONS}
    if "request" in own:
        assert own - {"request"} == {name for name in taken if name in own}
        assert taken - own <= of_request
    else:
        assert own == taken


def test_every_option_of_a_request_is_a_field_of_it_with_the_same_default():
    fields = {field.name: field for field in dataclasses.fields(Request)}
    for option in REQUEST_OPTIONS:
        default = getattr(Request(), option.name)
        assert option.name in fields
        assert option.default == default or not default
    named = {option.name for option in REQUEST_OPTIONS}
    assert set(fields) - named == {"data_folder"}


def test_no_option_is_declared_twice():
    """A flag stands for two options where it means two things: what to run, and what to show."""
    written = []
    for module in (options, request_options):
        text = Path(module.__file__).read_text(encoding="utf-8")
        written += re.findall(r'(?<!")"(--[a-z-]+)"', text)
    repeated = {flag for flag in written if written.count(flag) > 1}
    assert repeated == {"--baselines", "--format", "--known", "--shots"}
    for module in (running, listing, reading, exchanging, caching, deploying):
        assert "typer.Option" not in Path(module.__file__).read_text(encoding="utf-8")


def test_every_command_and_option_of_a_run_has_a_heading_in_the_help():
    for module in (running, reading, exchanging, advising, caching, deploying):
        for command in module.app.registered_commands:
            assert command.callback is not None
            assert command_panel(command.name or command.callback.__name__)
    for option in RUN_OPTIONS:
        assert option_panel(option.flag)
    flags = [flag for panel in OPTIONS.values() for flag in panel]
    assert len(flags) == len(set(flags))


def test_text_is_read():
    assert parsing.names("--x", "a, b c") == ["a", "b c"]
    assert parsing.whole_numbers("--x", "1,3") == [1, 3]
    assert parsing.shares("--x", "0.8,0.6") == [0.8, 0.6]
    assert parsing.whole_number_or_all("--x", "all") == "all"
    assert parsing.whole_number_or_all("--x", "15") == 15
    assert parsing.size_or_all("--x", "0.2") == 0.2
    assert parsing.causes("--x", "moved,missing") == ["moved", "missing"]
    assert parsing.settings("--x", ["a.b = 1", "c.d=e=f"]) == {"a.b": "1", "c.d": "e=f"}
    assert chosen_form(known_form("--x", "table"), json=True) == "json"


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (parsing.names, "a,,b", "has an empty entry"),
        (parsing.whole_number, "1.5", "allowed: a whole number"),
        (parsing.whole_numbers, "1,x", "--x 'x' cannot be read"),
        (parsing.shares, "half", "shares such as 0.8"),
        (parsing.whole_number_or_all, "most", "a whole number, or all"),
        (parsing.size_or_all, "most", "a share such as 0.2, or all"),
        (parsing.days, "-1", r"-1 is out of bounds \(allowed: a number of days"),
        (parsing.days, "nan", "out of bounds"),
        (parsing.days, "week", "--x 'week' cannot be read"),
        (parsing.causes, "moved,bits", "'bits' is unknown .allowed: moved, changed, missing"),
        (parsing.settings, ["a.b"], "write --x BASELINE.SETTING=VALUE"),
        (known_form, "xml", "allowed: table, csv, md, latex, json"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_flag(read, text, expected: str):
    with pytest.raises(UserError, match=expected) as error:
        read("--x", text)
    assert str(error.value).startswith("--x ")


def test_a_comma_inside_brackets_belongs_to_the_name_of_a_row():
    text = "protonet[flip=0.2,learning_rate=0.01], pixels"
    assert names("--baselines", text) == ["protonet[flip=0.2,learning_rate=0.01]", "pixels"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Scratch, deep",dent', ["Scratch, deep", "dent"]),
        ('dent , " a, ""b"" " ', ["dent", ' a, "b" ']),
        ('5" pipe,dent', ['5" pipe', "dent"]),
        ('dent,5" pipe', ["dent", '5" pipe']),
        ('"dent" deep,b', ['"dent" deep', "b"]),
        ("a[1,b", ["a[1", "b"]),
    ],
)
def test_a_name_with_commas_stands_in_double_quotes(text: str, expected: list[str]):
    assert names("--test-classes", text) == expected


@pytest.mark.parametrize("text", ["", ",", "a,", ",a", '""', 'a,""'])
def test_an_empty_name_is_none(text: str):
    with pytest.raises(UserError, match="has an empty entry"):
        names("--x", text)


def test_classes_of_a_request_are_text_however_they_are_given():
    decomposed = "Raye\u0301"
    request = Request(train_classes=[1, 2.5, decomposed], test_classes=7)  # type: ignore[arg-type]
    assert request.train_classes == ("1", "2.5", "Ray\u00e9")
    assert request.test_classes == ("7",)
