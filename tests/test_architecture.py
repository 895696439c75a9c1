"""The house: folders import downwards only, never in a circle, and the core never names a plug-in."""

import ast
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import fewshot_bench
from fewshot_bench.registry.registry import Registry
from tests.helpers.house import (
    CORE,
    CORE_PATHS,
    FILES,
    FLOOR,
    PAGE,
    PLUGINS,
    ROOT,
    imported,
    room,
    with_picture,
)
from tests.helpers.readability import figures


def test_every_room_has_a_floor():
    assert {room(name) for name in FILES} == set(FLOOR)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_down(name: str):
    for other in imported(FILES[name]):
        assert FLOOR[room(other)] <= FLOOR[room(name)], f"{name} imports {other}, which lies higher"


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
    assert not re.search(r"plugins\.(baselines|episodes|rules|trackers|engines)\.\w", text)
    registry = Registry()
    strings = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    names = {
        *registry.baselines,
        *registry.datasets,
        *registry.rules,
        *registry.trackers,
        *registry.engines,
    }
    assert not strings & (names - {"folder"})


PLUGIN_FOLDERS = (ROOT / "baselines", ROOT / "episodes", *PLUGINS)
PLUGIN_FILES = [path for folder in PLUGIN_FOLDERS for path in folder.glob("*.py")]
PUBLIC = ("fewshot_bench", "fewshot_bench.learn")


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_plugins_import_what_a_stranger_imports(path: Path):
    """Public names of the package and of `learn`, and other plug-ins: the core can move without them."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module in PUBLIC:
            public = importlib.import_module(node.module).__all__
            assert {alias.name for alias in node.names} <= set(public), path
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        for name in names:
            from_core = name.partition(".")[0] == "fewshot_bench"
            assert not from_core or name.startswith("fewshot_bench.plugins."), f"{path}: {name}"


def test_public_names():
    assert sorted(fewshot_bench.__all__) == sorted(fewshot_bench._HOMES)
    for name in fewshot_bench.__all__:
        home = f"fewshot_bench.{fewshot_bench._HOMES[name]}"
        value = getattr(fewshot_bench, name)
        assert value is getattr(importlib.import_module(home), name)
        assert getattr(value, "__module__", home) == home  # constants have none
    assert dir(fewshot_bench) == sorted(fewshot_bench.__all__)
    assert fewshot_bench.__version__ == metadata.version("fewshot-bench")
    with pytest.raises(AttributeError):
        fewshot_bench.nothing  # noqa: B018


def test_what_a_notebook_completes_costs_no_import():
    """Asking for the public names imports neither torch nor pandas."""
    code = "import fewshot_bench, sys; dir(fewshot_bench); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("", "__main__")])
def test_all_names_what_is_there(name: str):
    module = importlib.import_module(f"fewshot_bench.{name}")
    assert all(hasattr(module, public) for public in getattr(module, "__all__", []))


@pytest.mark.parametrize("name", [name for name in fewshot_bench.__all__ if (CORE / name).is_dir()])
def test_a_public_name_stays_a_function_when_the_folder_of_its_name_is_imported(name: str):
    importlib.import_module(f"fewshot_bench.{name}")
    assert callable(getattr(fewshot_bench, name))


TESTS = ROOT / "tests"
TEST_FILES = {path.relative_to(TESTS).as_posix(): path for path in sorted(TESTS.rglob("test_*.py"))}
WHOLE_PROGRAM = "end_to_end"
# what concerns a whole folder, not a file of it
OF_A_FOLDER = {
    "baselines/test_every_baseline.py",
    "rules/test_every_rule.py",
    "learn/test_public_names.py",
    "test_architecture.py",
}


@pytest.mark.parametrize("name", TEST_FILES)
def test_no_test_file_imports_another(name: str):
    for node in ast.walk(ast.parse(TEST_FILES[name].read_text())):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "tests import helpers as tests.helpers"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        for module in modules:
            parts = module.split(".")
            is_test = parts[0] == "tests" and any(part.startswith("test_") for part in parts)
            assert not is_test, f"{name} imports {module}; move what both need to tests/helpers"


@pytest.mark.parametrize("name", TEST_FILES)
def test_tests_mirror_the_source(name: str):
    folder, _, file = name.rpartition("/")
    if folder == WHOLE_PROGRAM or name in OF_A_FOLDER:
        return
    source = ROOT / folder if folder in ("baselines", "episodes") else CORE / folder
    tested = source / file.removeprefix("test_")
    assert tested.is_file(), f"{name} is named after no file; {WHOLE_PROGRAM}/ has whole programs"


@pytest.mark.parametrize(
    "path",
    [*CORE_PATHS, *PLUGIN_FILES],
)
def test_files_can_be_read_in_a_sitting(path: Path):
    assert len(path.read_text().splitlines()) <= 400


def test_every_baseline_and_data_set_loads_and_has_a_card():
    registry = Registry()
    plugins = [registry.baselines, registry.datasets, registry.rules, registry.engines]
    for plugin in [one for kind in plugins for one in kind.values()]:
        kind = plugin.family()
        assert kind.card.title
        assert kind.__doc__
        assert kind.settings_type.names() == tuple(kind().settings.as_dict())


def test_the_picture_of_the_house_is_that_of_the_imports():
    page = PAGE.read_text()
    assert "```mermaid" in page
    assert page == with_picture(page), "uv run python -m tests.helpers.house draws it anew"


def test_lines_can_be_read_without_unpacking():
    """Bounds a little above what well-read libraries have: 3.7 to 6.0 nodes a line, 7 to 10 at the 90th percentile."""
    measured = figures([*CORE_PATHS, *PLUGIN_FILES])
    assert measured.density(0.5) <= 7
    assert measured.density(0.9) <= 11
    assert measured.per_thousand_lines(measured.nested_comprehensions) < 1
    assert measured.per_thousand_lines(measured.tuple_assignments) < 1
