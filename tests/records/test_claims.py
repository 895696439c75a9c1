"""Several processes on one folder: nothing is computed twice at once, nothing is lost, and the dead are replaced."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fewshot_bench.records import claims
from fewshot_bench.records.claims import Claims
from tests.helpers.places import ROOT


def held_elsewhere(folder: Path, *, host: str, pid: int, age: float) -> None:
    path = folder / "work.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"host": host, "pid": pid, "token": "theirs"}))
    os.utime(path, (time.time() - age,) * 2)


def a_dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_claim_is_held_by_one_and_given_back(tmp_path: Path):
    first, second = Claims(tmp_path), Claims(tmp_path)
    with first.held("work") as holder:
        assert holder == ""
        with second.held("work") as other:
            assert other == f"process {os.getpid()} on {socket.gethostname()}"
        with second.held("another") as other:
            assert other == ""
    with second.held("work") as holder:
        assert holder == ""
    assert not list(tmp_path.glob("*.json"))


def test_the_dead_are_replaced_and_the_living_of_other_hosts_are_not(tmp_path: Path):
    here, dead = claims._host(), a_dead_process()
    for host, pid, age, free in (
        (here, dead, 0, True),  # it died here: at once
        (here, os.getppid(), 0, False),
        ("elsewhere", dead, 5, False),  # its number means nothing here
        (
            f"{socket.gethostname()}/another-boot/pid:[4026531836]",
            dead,
            5,
            False,
        ),  # nor that of a machine with our name
        (here, 10**30, 0, True),
        ("elsewhere", 1, claims.STALE + 5, True),
        (here, os.getppid(), claims.STALE + 5, True),  # a number that another process bears now
    ):
        held_elsewhere(tmp_path, host=host, pid=pid, age=age)
        with Claims(tmp_path).held("work") as holder:
            assert (holder == "") == free, (host, pid, age)
    (tmp_path / "work.json").write_text("{half")
    with Claims(tmp_path).held("work") as holder:
        assert holder == ""


def test_a_claim_lives_while_its_holder_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(claims, "BEAT", 0.05)
    with Claims(tmp_path).held("work"):
        os.utime(tmp_path / "work.json", (1.0, 1.0))
        for _ in range(600):
            if Claims(tmp_path)._age(tmp_path / "work.json") < 60:
                return
            time.sleep(0.05)
        pytest.fail("no beat in 30 s")


def test_what_was_taken_over_is_not_given_back_by_the_former_holder(tmp_path: Path):
    with Claims(tmp_path).held("work"):
        held_elsewhere(tmp_path, host="elsewhere", pid=1, age=0)
    assert json.loads((tmp_path / "work.json").read_text())["token"] == "theirs"


PROGRAM = ROOT / "tests" / "helpers" / "claim_often.py"


def test_many_processes_are_never_in_at_once(tmp_path: Path):
    log = tmp_path / "log"
    command = [sys.executable, str(PROGRAM), str(tmp_path / "claims"), str(log)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert log.read_text() == "be" * 80
