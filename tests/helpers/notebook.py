"""docs/quickstart.ipynb: run as a reader runs it, with outputs that can be stored.

`uv run python -m tests.helpers.notebook` runs it and stores its outputs anew.
"""

from __future__ import annotations

import tempfile

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.helpers.places import ROOT

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"
MINUTES = 10


def stored() -> NotebookNode:
    """The notebook with its stored outputs."""
    return nbformat.read(NOTEBOOK, as_version=4)


def executed() -> NotebookNode:
    """The notebook with the outputs that it makes now, in a new folder; raises what a cell raises."""
    notebook = stored()
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=60 * MINUTES, resources=resources, record_timing=False
        )
        client.execute()
    for cell in code_cells(notebook):
        # progress says how long it took here
        cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
