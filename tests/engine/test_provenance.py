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
    assert {"version", "packages", "device", "threads", "instructions", "started", "argv"} <= set(
        written["provenance"]
    )
    assert str(tmp_path) not in path.read_text()
    assert outcome.table["images_passed"].tolist() == [64, 64]


def test_the_command_has_no_folders_but_a_whole_expression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "sys.argv",
        [
            "/bin/bench",
            "run",
            "--data=/home/me/a.zip",
            "--out",
            "/home/me/x",
            "--group-by",
            r"^c1/(\d+)",
        ],
    )
    (record,) = run(tmp_path / "out", shots=[1]).records
    assert record.provenance.argv == (
        *("bench", "run", "--data=a.zip", "--out", "x"),
        *("--group-by", r"^c1/(\d+)"),
    )


def git(*words: str) -> str:
    """What git says of the checkout; the test is skipped where it says nothing."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout, or git is not here")
    command = ["git", "-C", str(ROOT), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"git does not read this checkout: {done.stderr}")
    return done.stdout.strip()


def test_a_record_has_the_commit_of_the_checkout(tmp_path: Path):
    head = git("rev-parse", "HEAD")
    is_edited = bool(git("status", "--porcelain", "--untracked-files=no"))
    (record,) = run(tmp_path / "out", shots=[1]).records
    assert record.provenance.commit == head
    assert record.provenance.dirty == is_edited
