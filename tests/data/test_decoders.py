"""Pictures come back in order and to the byte from other processes, which end with the work."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench import FileTree, UserError, read_images
from fewshot_bench.data import decoders
from fewshot_bench.data.decoders import Decoders
from fewshot_bench.data.decoding import Encoded, Form, decoded
from tests.helpers.files import picture

FORM = Form(side=12, mode="RGB", bits=8, fit="pad")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes are started after the first picture."""
    monkeypatch.setattr(decoders, "PATIENCE", 0)
    monkeypatch.setattr(decoders, "LEAST_LEFT", 0)
    monkeypatch.setattr(decoders, "MOST_IN_BATCH", 3)
    monkeypatch.setattr(decoders, "cores", lambda: 2)


def encoded(count: int) -> list[Encoded]:
    images = []
    for number in range(count):
        content = picture(number, mode="RGB" if number % 2 else "L")
        images.append(Encoded(str(number), content[:60] if number == 5 else content, FORM))
    return images


def processes_of(crew: Decoders) -> list[int]:
    return [process._running.pid for process in crew._processes]


def test_processes_give_what_this_one_gives_in_order(at_once: None):
    images = encoded(40)
    with Decoders() as crew:
        there = list(crew.decode(images, len(images)))
        assert len(processes_of(crew)) == 2
    for image, result in zip(images, there, strict=True):
        here = decoded(image)
        assert here.header == result.header
        assert here.damage == result.damage
        assert np.array_equal(here.pixels, result.pixels)
    assert [index for index, result in enumerate(there) if result.damage] == [5]


def test_few_pictures_start_no_process():
    with Decoders() as crew:
        assert len(list(crew.decode(encoded(40), 40))) == 40
        assert processes_of(crew) == []


def test_a_killed_process_is_one_line_and_none_is_left(at_once: None):
    with Decoders() as crew:

        def images() -> Iterator[Encoded]:
            for number, image in enumerate(encoded(200)):
                if number == 50:
                    for pid in processes_of(crew):
                        os.kill(pid, signal.SIGKILL)
                yield image

        with pytest.raises(UserError, match=r"^a process that decodes .* ended \(SIGKILL\)"):
            list(crew.decode(images(), 200))
        pids = processes_of(crew)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_end_with_the_work_even_if_it_is_left(at_once: None):
    crew = Decoders()
    with contextlib.suppress(KeyboardInterrupt), crew:
        for number, _ in enumerate(crew.decode(encoded(500), 500)):
            if number == 20:
                start = time.perf_counter()
                raise KeyboardInterrupt
    assert time.perf_counter() - start < 2
    pids = processes_of(crew)
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_damaged_pictures_are_named_alike_by_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    for number in range(30):
        content = picture(number)
        (tmp_path / f"{number}.png").write_bytes(content[:80] if number % 7 == 3 else content)

    def message() -> str:
        with FileTree(tmp_path) as tree, pytest.raises(UserError) as error:
            read_images(tree, tree.files)
        return str(error.value)

    here = message()
    request.getfixturevalue("at_once")
    assert message() == here
    assert "24.png" in here


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path):
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from fewshot_bench.data import decoders\n"
        "from fewshot_bench import FileTree, read_images\n"
        "decoders.PATIENCE = decoders.LEAST_LEFT = 0\n"
        "decoders.cores = lambda: 2\n"
        "print('run')\n"
        f"with FileTree(Path({str(tmp_path)!r})) as tree:\n"
        "    files = [file for file in tree.files if file.endswith('png')]\n"
        "    print(len(read_images(tree, files).images))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "run\n20\n"
    assert done.stderr == ""
