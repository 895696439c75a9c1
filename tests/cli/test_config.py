"""The options of a run in a file: read like a command line, and written beside every run."""

import tomllib
from pathlib import Path

import pytest

from fewshot_bench.cli.config import config_option, keep_config
from fewshot_bench.cli.option import Option
from fewshot_bench.cli.running import RUN_OPTIONS
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.command_line import SHORT, SMALL_IMAGES

SMALL = (*SMALL_IMAGES, *SHORT)
# no test trains: the scaled-down data is enough to see which options were read
TABLE = """
shots = [1, 2]
episodes = 5
queries = 2
baselines = "pixels"
set = ["steel-sim.per_class=20", "steel-sim.side=32"]
"""


def records(out: Path) -> dict[str, tuple[str, str]]:
    """The key and the digest of the answers of each record, by its place."""
    return {record.stem: (record.key, record.predictions.sha256) for record in ResultsFolder(out)}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_is_repeated_from_its_file_with_the_same_records(bench, tmp_path: Path):
    first = tmp_path / "first"
    words = (*SMALL, "--test-classes", "Cr,Sc,PS", "--seeds", "2", "--jobs", "1", "--quiet")
    assert bench("run", *words, "--out", first)[0] == 0
    kept = first / "run.toml"
    assert bench("run", "--config", kept, "--out", tmp_path / "again", "--quiet")[0] == 0
    assert len(records(first)) == 2
    assert records(first) == records(tmp_path / "again")


def test_every_different_run_of_a_folder_has_a_file_and_the_last_one_is_run_toml(
    bench, tmp_path: Path
):
    out = tmp_path / "out"
    for shots in ("1", "2", "1"):
        status, text, _ = bench("run", *SMALL, "--shots", shots, "--out", out)
        assert status == 0
        last = text.splitlines()[-1].rpartition("--config ")[2]
        assert Path(last).parent == out / "runs"
        assert Path(last).read_bytes() == (out / "run.toml").read_bytes()
    assert len(list((out / "runs").iterdir())) == 2
    status, _, _ = bench("run", "--config", last, "--out", tmp_path / "third", "--quiet")
    assert status == 0
    assert {Path(stem).name.split("-")[1] for stem in records(tmp_path / "third")} == {"1shot"}


def test_the_file_holds_what_was_typed_and_no_more(bench, tmp_path: Path):
    assert bench("run", *SMALL, "--quiet", "--fresh", "--out", tmp_path)[0] == 0
    assert tomllib.loads((tmp_path / "run.toml").read_text(encoding="utf-8")) == {
        "shots": [1],
        "episodes": 5,
        "queries": 2,
        "baselines": ["pixels"],
        "set": ["steel-sim.per_class=20", "steel-sim.side=32"],
        "out": str(tmp_path),
    }


def test_the_command_line_wins_over_the_file(bench, tmp_path: Path):
    config = written(tmp_path / "run.toml", TABLE)
    out = tmp_path / "out"
    words = ("--config", config, "--shots", "1", "--out", out)
    assert bench("run", *words, "--quiet")[0] == 0
    assert [record.shots for record in ResultsFolder(out)] == [1]
    assert bench("run", "--out", out, "--config", config, "--quiet")[0] == 0
    assert [record.shots for record in ResultsFolder(out)] == [1, 2]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("shot = 1", "unknown option in --config FILE: 'shot'; did you mean 'shots'?"),
        ('shots = "few"', "--config FILE: --shots 'few' cannot be read (allowed: a whole number"),
        ("shots = true", "shots = True cannot be read (allowed: text, a number or a list of them)"),
        ("shots = [[1]]", "allowed: text, a number or a list of them"),
        ("ways = [1, 2]", "ways = [1, 2] cannot be read (allowed: text or a number)"),
        ("ways = 1.5", "--ways '1.5' cannot be read (allowed: a whole number)"),
        ("freeze = 1", "freeze = 1 cannot be read (allowed: true or false)"),
        ('set = "a.b=1"', "cannot be read (allowed: a list"),
        ('set = ["a"]', "write --set BASELINE.SETTING=VALUE"),
        ("test-classes = []", "has an empty entry"),
        ('format = "xml"', "allowed: table, csv"),
        ("shots 1", "is no TOML"),
        ('config = "other.toml"', "unknown option in --config FILE: 'config'"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_what_is_allowed(
    bench, tmp_path: Path, line: str, expected: str
):
    config = written(tmp_path / "mine.toml", line)
    status, out, err = bench("run", "--config", config, "--out", tmp_path / "out")
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected.replace("FILE", str(config)) in err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_named(bench, tmp_path: Path):
    status, _, err = bench("run", "--config", tmp_path / "none.toml")
    assert status == 2
    assert "none.toml cannot be read (No such file or directory)" in err
    assert bench("run", "--config", "a", "--config", "b")[0] == 2


def test_values_survive_a_file(tmp_path: Path):
    """Names with commas and quotes, and file names that are not UTF-8."""
    values = {option.name: option.default for option in RUN_OPTIONS}
    values |= {
        "test_classes": ['"a, ""b""",c'],
        "baselines": "protonet[flip=0.2,learning_rate=0.01],pixels",
        "data": [Path("b\udcffd")],
        "settings": ["a.b=1, 2", "a.c=x"],
        "train_fraction": "0.8,0.6",
        "test_images": "all",
        "jobs": "auto",
        "freeze": True,
    }
    kept = keep_config(RUN_OPTIONS, values, tmp_path)
    option = config_option(RUN_OPTIONS)

    class Context:
        default_map: dict[str, object]

    context = Context()
    assert option.apply is not None
    option.apply(context, [kept])
    for one in RUN_OPTIONS:
        if one.name in context.default_map:
            assert read(one, context.default_map[one.name]) == read(one, values[one.name])
    assert set(context.default_map) == {
        one.name for one in RUN_OPTIONS if values[one.name] != one.default
    }


def read(option: Option, text: object) -> object:
    value = option.value(text)
    return str(value) if isinstance(value, Path) else value
