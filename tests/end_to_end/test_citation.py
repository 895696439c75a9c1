"""CITATION.cff says what the package is: the fields that CFF 1.2 asks for, and those of pyproject.toml."""

import tomllib
from typing import Any

import pytest
import yaml

import fewshot_bench
from tests.helpers.places import ROOT

# what the schema of CFF 1.2.0 requires of the file, and of an entry of `references`
REQUIRED = {"cff-version", "message", "title", "authors"}
OF_REFERENCE = {"type", "title", "authors"}
# what it allows beside that, as far as it is used here
ALLOWED = REQUIRED | {"type", "abstract", "version", "license", "keywords", "references"}


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_has_what_the_format_asks_for(citation: dict[str, Any]):
    assert citation["cff-version"] == "1.2.0"
    assert set(citation) >= REQUIRED
    assert set(citation) <= ALLOWED
    assert citation["authors"] == [{"name": "The fewshot-bench contributors"}]
    for reference in citation["references"]:
        assert set(reference) >= OF_REFERENCE


def test_it_says_what_the_package_says(citation: dict[str, Any]):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"] == fewshot_bench.__version__
    assert citation["license"] == project["license"]
    assert citation["abstract"] == project["description"]
    assert citation["keywords"] == project["keywords"]


def test_the_paper_is_that_of_the_method(citation: dict[str, Any]):
    (paper,) = citation["references"]
    frame = fewshot_bench.listing()
    source = frame.set_index("name").loc["scl_amp", "source"]
    assert paper["title"] in source
