"""Several processes on one folder: nothing is computed twice at once, nothing is lost, and the dead are replaced."""

import contextlib
import errno
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
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


def names(folder: Path) -> set[str]:
    """The files that are left, but for the one that tells the time."""
    return {path.name for path in folder.iterdir()} - {".now"}


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
    half = tmp_path / "work.json"
    for content in ("", "{half", "[]", '{"host": 1}'):
        half.write_text(content)
        with Claims(tmp_path).held("work") as holder:
            assert holder == "another process"
        os.utime(half, (time.time() - claims.STALE - 5,) * 2)
        with Claims(tmp_path).held("work") as holder:
            assert holder == ""
    assert names(tmp_path) == set()


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


def marked(folder: Path, dead: claims._Claim, maker: claims._Claim) -> None:
    """`maker` began to take the claim `dead` over."""
    mark = Claims(folder)._mark(folder / "work.json", dead)
    mark.write_bytes(maker.content)


def test_who_died_while_it_took_a_claim_over_is_succeeded(tmp_path: Path):
    pid = a_dead_process()
    dead = [claims._Claim(claims._host(), pid, letter * 32) for letter in "abc"]
    for deaths in range(1, 4):
        (tmp_path / "work.json").write_bytes(dead[0].content)
        for number in range(1, deaths):
            marked(tmp_path, dead[number - 1], dead[number])
        with Claims(tmp_path).held("work") as holder:
            assert holder == ""
            assert json.loads((tmp_path / "work.json").read_bytes())["pid"] == os.getpid()
        assert names(tmp_path) == set()


def test_who_takes_a_claim_over_at_the_moment_is_not_disturbed(tmp_path: Path):
    dead = claims._Claim(claims._host(), a_dead_process(), "a" * 32)
    (tmp_path / "work.json").write_bytes(dead.content)
    alive = claims._Claim(claims._host(), os.getppid(), "b" * 32)
    marked(tmp_path, dead, alive)
    with Claims(tmp_path).held("work") as holder:
        assert holder == f"process {os.getppid()} on {socket.gethostname()}"
    assert (tmp_path / "work.json").read_bytes() == dead.content


@pytest.mark.parametrize("gives_back", [True, False])
def test_who_is_slow_to_take_a_claim_over_finds_it_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gives_back: bool
):
    """Between the look at a dead claim and the mark, another process takes the claim over."""
    dead = claims._Claim(claims._host(), a_dead_process(), "a" * 32)
    (tmp_path / "work.json").write_bytes(dead.content)
    first = contextlib.ExitStack()
    slow = threading.get_ident()
    interrupted = []

    def taken_first(claim: claims._Claim, path: Path) -> bool:
        answer = is_held(Claims(tmp_path), claim, path)
        if not interrupted:
            interrupted.append(slow)
            assert first.enter_context(Claims(tmp_path).held("work")) == ""
            if gives_back:
                first.close()
        return answer

    is_held = Claims._is_held
    monkeypatch.setattr(Claims, "_is_held", lambda self, claim, path: taken_first(claim, path))
    with first, Claims(tmp_path).held("work") as holder:
        expected = "" if gives_back else f"process {os.getpid()} on {socket.gethostname()}"
        assert holder == expected
    assert names(tmp_path) == set()


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_one_of_many_takes_a_dead_claim_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
):
    if not links:

        def refuse(*paths: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
    pid = a_dead_process()
    racers = 6
    start = threading.Barrier(racers)
    end = threading.Barrier(racers)
    holders = []

    def race() -> None:
        start.wait()
        with Claims(tmp_path).held("work") as holder:
            holders.append(holder)
            end.wait()

    for _ in range(30):
        holders.clear()
        held_elsewhere(tmp_path, host=claims._host(), pid=pid, age=0)
        threads = [threading.Thread(target=race) for _ in range(racers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(bool, holders)) == [False] + [True] * (racers - 1)
        assert names(tmp_path) == set()


def test_who_is_waited_for_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(claims, "PATIENCE", 0.0)
    told = threading.Event()
    monkeypatch.setattr(claims.LOG, "warning", lambda text: (lines.append(text), told.set()))
    lines: list[str] = []
    order = []

    def wait() -> None:
        with Claims(tmp_path).waited_for("tables"):
            order.append("second")

    with Claims(tmp_path).waited_for("tables"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert told.wait(30)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert lines == [f"waiting for {holder}, which holds {tmp_path / 'tables.json'}"]


PROGRAM = ROOT / "tests" / "helpers" / "claim_often.py"


def started(folder: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(PROGRAM), str(folder / "claims"), str(folder / "log")]
    return subprocess.Popen(command, env={**os.environ, **(environment or {})})


def test_many_processes_are_never_in_at_once(tmp_path: Path):
    processes = [started(tmp_path) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "log").read_text() == "be" * 80


WITHOUT = """
#include <errno.h>
int flock(int file, int how) { errno = ENOLCK; return -1; }
int link(const char *from, const char *to) { errno = EPERM; return -1; }
int linkat(int a, const char *from, int b, const char *to, int how) { errno = EPERM; return -1; }
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not there")
def test_nor_on_a_disk_without_locks_and_links(tmp_path: Path):
    source = tmp_path / "without.c"
    source.write_text(WITHOUT)
    library = tmp_path / "without.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    processes = [started(tmp_path, {"LD_PRELOAD": str(library)}) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "log").read_text() == "be" * 80


KILLS = 60


@pytest.mark.slow
def test_nor_where_processes_are_killed(tmp_path: Path):
    """A killed process leaves the letter b without its e, and nobody waits for it."""
    rng = random.Random(0)
    log = tmp_path / "log"
    kills = 0
    processes = [started(tmp_path) for _ in range(3)]
    while kills < KILLS:
        time.sleep(rng.uniform(0.0, 0.1))
        number = rng.randrange(3)
        if processes[number].poll() is not None:
            processes[number] = started(tmp_path)
        elif log.exists() and rng.random() < 0.5:
            processes[number].kill()
            kills += 1
    for process in processes:
        process.wait()
    letters = log.read_text()
    assert "ee" not in letters, "two processes were in at once"
    assert 0 < letters.count("bb") <= KILLS
    with Claims(tmp_path / "claims").held("work") as holder:
        assert holder == ""
    assert not list((tmp_path / "claims").glob("*.json"))
