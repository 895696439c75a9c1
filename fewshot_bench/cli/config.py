"""The options of a run as a file: `--config FILE`, and the `run.toml` beside its results."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import tomli_w
import typer

from fewshot_bench.cli.option import Option
from fewshot_bench.cli.parsing import quoted
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.files import user_path, write_atomically

__all__ = ["config_option", "keep_config"]

DIGITS = 8  # of the digest that is the name of a run's file
# how a run is watched, and what would remove its records when it is repeated
NOT_KEPT = ("--config", "--fresh", "--quiet", "--format", "--json")
# a name of a file need not be UTF-8
ENCODING = ("utf-8", "surrogateescape")


def config_option(options: Sequence[Option]) -> Option:
    """The option `--config` of a command that takes these options."""

    def apply(context: typer.Context, files: list[Path] | None) -> list[Path] | None:
        for file in files or ():
            context.default_map = _written(file, options)
        return files

    return Option(
        "--config",
        "TOML file of these options, e.g. the run.toml of a run; the command line wins.",
        Path | None,
        is_once=True,
        apply=apply,
    )


def keep_config(options: Sequence[Option], written: Mapping[str, Any], out: Path) -> Path:
    """Write the options of a run beside its results; the file of this run.

    Each different run of a folder has a file of its own; `run.toml` is that of the last one.
    """
    from fewshot_bench.records.paths import ResultPaths  # imports torch: not for --help

    paths = ResultPaths(user_path(out))
    values = {}
    for option in options:
        text = written[option.name]
        if option.flag not in NOT_KEPT and text and text != option.default:
            values[option.flag.removeprefix("--")] = _plain(option.value(text))
    content = tomli_w.dumps(values)
    digest = hashlib.sha256(content.encode(*ENCODING)).hexdigest()
    path = paths.run_config(digest[:DIGITS])
    version = metadata.version("fewshot-bench")
    about = f"# bench run --config FILE repeats this run (fewshot-bench {version})\n"
    for place in (path, paths.last_run_config):
        write_atomically(place, lambda file: file.write((about + content).encode(*ENCODING)))
    return path


def _plain(value: Any) -> Any:
    """The value of an option as TOML has it."""
    if isinstance(value, dict):
        return [f"{name}={text}" for name, text in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def _written(file: Path, options: Sequence[Option]) -> dict[str, Any]:
    """What typer would read of a command line with the options of the file, by parameter.

    Raises `UserError` for a file that cannot be read, and for a name or value that no option has.
    """
    try:
        content = user_path(file).read_bytes()
        values = tomllib.loads(content.decode(*ENCODING))
    except OSError as error:
        raise UserError(f"--config {file} cannot be read ({error.strerror})") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f'--config {file} is no TOML ({error}); write lines such as baselines = ["resnet"]'
        ) from None
    by_name = {option.flag.removeprefix("--"): option for option in options}
    written = {}
    for name, value in values.items():
        if name not in by_name:
            raise unknown(f"option in --config {file}:", name, by_name)
        option = by_name[name]
        try:
            text = _text(option, value)
            option.value(text)
        except UserError as error:
            raise UserError(f"--config {file}: {error}") from None
        if text is not False:
            written[option.name] = text
    return written


def _text(option: Option, value: Any) -> Any:
    """A value of TOML as what is written on a command line."""
    if option.is_flag:
        return _checked(option, value, bool, "true or false")
    if option.is_repeated:
        return list(map(str, _checked(option, value, list, 'a list, e.g. ["a.b=1"]')))
    entries = value if option.is_list and isinstance(value, list) else [value]
    texts = []
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, str | int | float):
            allowed = "text, a number or a list of them" if option.is_list else "text or a number"
            raise _wrong(option, value, allowed)
        texts.append(quoted(entry) if isinstance(value, list) else str(entry))
    text = ",".join(texts)
    return [text] if option.is_once else text


def _checked(option: Option, value: Any, kind: type, allowed: str) -> Any:
    if not isinstance(value, kind):
        raise _wrong(option, value, allowed)
    return value


def _wrong(option: Option, value: Any, allowed: str) -> UserError:
    name = option.flag.removeprefix("--")
    return UserError(f"{name} = {value!r} cannot be read (allowed: {allowed})")
