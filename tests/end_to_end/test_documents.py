"""The documents cannot rot: commands and options exist, examples run, each page can be found and says what it answers."""

import re
import shlex
from pathlib import Path

import pytest

from fewshot_bench.registry.registry import Registry
from tests.helpers.documents import BLOCK, DOCS, PAGES, RESULTS, blocks, commands, python_block
from tests.helpers.places import ROOT
from tests.reference import commands as real_commands

COMMANDS = [(page, command) for page in (*PAGES, *RESULTS) for command in commands(page)]
FLAGS = {
    name: {flag for parameter in command.params for flag in parameter.opts}
    for name, command in real_commands().items()
}
GENERATED = {"commands.md", "columns.md"}
WRITTEN = [page for page in sorted(DOCS.rglob("*.md")) if page.name not in GENERATED]


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_there_are_commands():
    assert len(COMMANDS) > 100


@pytest.mark.parametrize("page", [*PAGES, *RESULTS], ids=page_name)
def test_commands_and_their_options_exist(page: Path):
    for command in commands(page):
        if "COMMAND" in command or "..." in command:
            continue
        _, name, *words = shlex.split(command, comments=True)
        if name.startswith("--"):  # bench --help
            continue
        assert name in FLAGS, command
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--"):
                assert flag in FLAGS[name] | {"--help"}, command


@pytest.mark.parametrize("page", [*PAGES, *RESULTS], ids=page_name)
def test_every_link_leads_to_a_file(page: Path):
    """`test_site` holds the headings that links name."""
    prose = BLOCK.sub("", page.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_page_is_found_from_the_index():
    index = (DOCS / "index.md").read_text()
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).as_posix()
        assert name == "index.md" or f"]({name}" in index, name


@pytest.mark.parametrize("page", WRITTEN, ids=page_name)
def test_a_page_begins_with_what_it_answers_and_links_to_its_neighbours(page: Path):
    title, empty, *rest = page.read_text().splitlines()
    assert title.startswith("# ")
    assert empty == ""
    head = "\n".join(rest).partition("\n\n")[0]
    assert "his page " in head or page.name == "index.md"
    top = "\n".join(rest).partition("\n## ")[0]
    assert re.search(r"\]\((?!http)[^)]+\)", top), "no link to another page"


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = python_block(DOCS / "guides" / "python.md", "import fewshot_bench as fb")
    exec(compile(code, "python.md", "exec"), {})
    assert "ci95_low" in capsys.readouterr().out


def test_the_example_for_learn2learn_runs(learn2learn: None):
    names: dict[str, object] = {}
    code = python_block(DOCS / "guides" / "python.md", "from fewshot_bench import Request\n")
    exec(compile(code, "python.md", "exec"), names)
    assert names["images"].shape[0] == 3 * (5 + 15)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_python_on_a_page_can_be_compiled(page: Path):
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_every_file_of_the_core_has_a_row():
    page = (DOCS / "architecture.md").read_text()
    named = set(re.findall(r"`([\w/]+\.py|\w+/)`", page))
    core = ROOT / "fewshot_bench"
    files = {path.name for path in core.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {
        f"{path.name}/" for path in core.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert files | folders <= named


def test_every_baseline_and_rule_of_the_project_has_a_row():
    page = (DOCS / "guides" / "methods-and-rules.md").read_text()
    registry = Registry()
    old_names = {"simpleshot", "easyfsl"}
    for name in {*registry.baselines, *registry.rules} - old_names | {"easyfsl"}:
        assert re.search(rf"\| `{name}(:NAME)?` \|", page), name
