"""The site builds without a warning: every link between pages leads to a page and a heading that are there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.picture import PICTURE, picture


def built(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """What Sphinx says of the pages below `source`, warnings being errors."""
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(ROOT / "docs")]
    return subprocess.run([*words, source, target], capture_output=True, text=True)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path):
    pytest.importorskip("sphinx", reason="uv sync --group docs")
    done = built(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "docs" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("link", ["guides/nowhere.md", "faq.md#nothing"])
def test_a_link_that_leads_nowhere_is_told(tmp_path: Path, link: str):
    pytest.importorskip("sphinx", reason="uv sync --group docs")
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# Index\n\n[one](faq.md) [two]({link})\n")
    (docs / "faq.md").write_text("# Questions\n")
    done = built(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert link.rpartition("#")[2] in done.stderr


def test_the_picture_of_the_readme_is_that_of_the_records():
    assert PICTURE.read_text() == picture(), "uv run python -m tests.picture draws it"
