"""The layering: a file imports its own layer or a lower one, never in a circle, and the core never names a plug-in."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import fewshot_bench
from fewshot_bench.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "fewshot_bench"
LAYERS = [
    {"errors", "optional", "seeds", "scoring", "stats", "tally"},
    {"settings", "episode", "labelled", "dataset", "protocol", "published", "split", "baseline"},
    {
        "learn.adaptive",
        "learn.augment",
        "learn.encoder",
        "learn.episodic",
        "learn.losses",
        "learn.snapshot",
        "learn.train",
        "learn.zoo",
        "learn",
    },
    {
        "claims",
        "files",
        "imports",
        "images",
        "provenance",
        "plugins",
        "record",
        "plugins.baselines",
        "plugins.episodes",
        "records",
        "registry",
    },
    {
        "answer",
        "contract",
        "differences",
        "entry",
        "fitted",
        "heat",
        "leaks",
        "plan",
        "pointing",
        "question",
        "recall",
        "request",
        "runner",
        "subject",
        "tables",
    },
    {
        "api",
        "interop",
        "pictures",
        "show",
        "show.board",
        "show.catalogue",
        "show.figure",
        "show.gallery",
        "show.page",
        "show.plots",
        "show.watch",
    },
    {"", "__main__", "cli", "cli.main", "cli.options", "cli.results", "cli.terminal", "cli.work"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = {
    path.relative_to(CORE).with_suffix("").as_posix().replace("/", ".").removesuffix("__init__").rstrip("."): path
    for path in sorted(CORE.rglob("*.py"))
}


def imported(path: Path) -> set[str]:
    """Names of the core's modules that a file imports, those for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update({str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)})
    inside = {name.removeprefix("fewshot_bench").lstrip(".") for name in found if name.startswith("fewshot_bench")}
    return {name for name in inside if name in FILES and name}


def test_every_file_has_a_layer():
    assert set(FILES) == set(LEVEL)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_down(name: str):
    assert all(LEVEL[other] <= LEVEL[name] for other in imported(FILES[name]))


def test_no_circles():
    edges = {name: imported(path) - {name} for name, path in FILES.items()}
    done: set[str] = set()
    while len(done) < len(edges):
        free = {name for name, others in edges.items() if name not in done and others <= done}
        assert free, f"a circle among {sorted(set(edges) - done)}"
        done |= free


@pytest.mark.parametrize("name", FILES)
def test_the_core_never_names_a_plugin(name: str):
    text = FILES[name].read_text()
    assert not re.search(r"plugins\.(baselines|episodes)\.\w", text)
    registry = Registry()
    strings = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert not strings & ({*registry.baselines, *registry.datasets} - {"folder"})


def test_public_names():
    assert sorted(fewshot_bench.__all__) == sorted(fewshot_bench._HOMES)
    for name in fewshot_bench.__all__:
        assert getattr(fewshot_bench, name).__module__ == f"fewshot_bench.{fewshot_bench._HOMES[name]}"
    with pytest.raises(AttributeError):
        fewshot_bench.nothing  # noqa: B018


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("", "__main__")])
def test_all_names_what_is_there(name: str):
    module = importlib.import_module(f"fewshot_bench.{name}")
    assert all(hasattr(module, public) for public in getattr(module, "__all__", []))


@pytest.mark.parametrize(
    "path", [*CORE.rglob("*.py"), *(ROOT / "baselines").glob("*.py"), *(ROOT / "episodes").glob("*.py")]
)
def test_files_can_be_read_in_a_sitting(path: Path):
    assert len(path.read_text().splitlines()) <= 320


def test_every_baseline_and_data_set_loads_and_has_a_card():
    registry = Registry()
    for plugin in [*registry.baselines.values(), *registry.datasets.values()]:
        kind = plugin.family()
        assert kind.card.title
        assert kind.__doc__
        assert kind.settings_type.names() == tuple(kind().settings.as_dict())
