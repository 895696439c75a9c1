"""The site: `uv run --group docs sphinx-build -W -c docs . site` builds it from the pages of the checkout."""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

DOCS = Path(__file__).parent

project = "fewshot-bench"
root_doc = "docs/index"
# the checkout is the source, so that links to results, changelog and README are pages too
include_patterns = [
    "docs/**",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "results/README.md",
    "results/FINDINGS.md",
    "results/TABLES.md",
]
exclude_patterns = [
    ".*",
    "tests",
    "fewshot_bench",
    "baselines",
    "episodes",
    "runs",
    "site",
    "docs/quickstart.ipynb",
]

extensions = ["myst_parser"]
myst_heading_anchors = 4  # as a code host makes them: `page.md#a-heading`
lexers["mermaid"] = TextLexer()  # a code host draws it, the site shows its text

html_theme = "furo"
html_title = "fewshot-bench"


def contents(page: str) -> str:
    """Tables of contents for the side bar: the links of each section of the index, in its order."""
    texts = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE):
        links = dict.fromkeys(re.findall(r"\]\((?:\.\./)*([\w./-]+\.md)", section))
        title = "Start" if section.startswith("# ") else section.partition("\n")[0]
        names = [name if (DOCS / name).is_file() else f"/{name}" for name in links]
        texts.append(
            "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *names, "```"])
        )
    return "\n\n".join(texts)


def add_contents(app, name: str, source: list[str]) -> None:
    """Append them to the index as it is read; on a code host nothing of it shows."""
    if name == root_doc:
        source[0] += "\n\n" + contents(source[0])


def setup(app) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
