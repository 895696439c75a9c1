"""A record says where it comes from."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.helpers.runs import SMALL, run


def test_a_record_says_where_it_comes_from(tmp_path: Path):
    outcome = run(
        tmp_path / "out",
        baselines=["resnet"],
        budget=64,
        settings={**SMALL, "resnet.batch_size": "16"},
    )
    (path, _) = sorted((tmp_path / "out" / "records").rglob("*.json"))
    written = json.loads(path.read_text())
    assert written["schema"] == 2
    assert written["baseline"]["settings_given"] == {"batch_size": "16", "passes": 64}
    assert written["baseline"]["settings"]["passes"] == 64
    assert written["training"]["images_passed"] == 64
    assert written["training"]["history"][-1][0] == 64
    assert written["training"]["parameters"] > 11_000_000
    assert set(written["seconds"]) == {"train", "embed", "score"}
    assert {"version", "packages", "device", "threads", "started", "argv"} <= set(
        written["provenance"]
    )
    assert str(tmp_path) not in path.read_text()
    assert outcome.table["images_passed"].tolist() == [64, 64]


def test_a_record_has_the_commit_of_the_checkout(tmp_path: Path):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout, or git is not here")
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (record,) = run(tmp_path / "out", shots=[1]).records
    assert record.provenance["commit"] == head
    assert record.provenance["dirty"] in (True, False)
