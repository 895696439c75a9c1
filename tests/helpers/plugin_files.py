"""The plug-ins of `tests/helpers/plugins`, as they are or under another name."""

from collections.abc import Mapping
from pathlib import Path

from tests.helpers.documents import DOCS, python_file

PLUGINS = Path(__file__).parent / "plugins"
RULES = ("rule", "pair", "classify", "classify_block", "predict")
BY_RULE = [PLUGINS / f"by_{rule}.py" for rule in RULES]  # five interfaces of one method


def plugin(name: str) -> Path:
    """The file of a plug-in, such as `by_rule` or `cheats/images_changed_in_place`."""
    return PLUGINS / f"{name}.py"


def copied(name: str, target: Path, changes: Mapping[str, str] | None = None) -> Path:
    """A copy of a plug-in at `target`, after which it is named, with some of its text changed."""
    text = plugin(name).read_text()
    for old, new in (changes or {}).items():
        assert old in text, f"{name}.py has no {old!r}"
        text = text.replace(old, new)
    target.write_text(text)
    return target


def engine_of_the_docs(folder: Path) -> Path:
    """The engine in a file that docs/extend/engine.md shows, `instant`."""
    return python_file(DOCS / "extend" / "engine.md", "Instant", folder)


def plugin_words(paths: list[Path]) -> list[str]:
    """The words of a command that hand plug-ins over."""
    words = []
    for path in paths:
        words += ["--plugin", str(path)]
    return words
