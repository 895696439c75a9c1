"""A process of its own that works on one job after another, and everything that can befall it."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from fewshot_bench.jobs.engine import Answer, Tell, WorkerLost

__all__ = ["TOLD", "WorkerProcess"]

TOLD = "told"  # of a message: a report, after which others follow
# a process that was asked to end gets so many seconds
GRACE = 1.0
LOOK = 0.2  # seconds between looks whether a process that says nothing still lives
# variables that say how many threads libraries use; they are read as a process starts
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
COMMAND = ("-P", "-m", "fewshot_bench.engine.worker")
# what reading from a process that dies raises
BROKEN = (OSError, EOFError, ValueError, pickle.UnpicklingError)


class WorkerProcess:
    """A process that was started for one run. It ends when its standard input does.

    order: what it must know for every job; threads, gpu: its share of the machine; gpu: None leaves
    CUDA_VISIBLE_DEVICES as it is.

    Messages go through pipes as pickles of bytes, so that nobody on the way needs the classes
    inside. What a method prints goes to the standard error of this process.
    """

    def __init__(self, order: bytes, *, threads: int, gpu: str | None = None) -> None:
        self.order = order
        self.gpu = gpu
        # Ctrl-C is for this process alone, which then stops that one
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(threads, gpu),
            start_new_session=True,
        )
        self._messages = self._until_death(self._process.stdout)
        self._printed = self._until_death(self._process.stderr)
        self._last_line = ""
        self._printing = threading.Thread(target=self._print, daemon=True)
        self._printing.start()
        self._waiting = threading.Thread(target=self._wait, daemon=True)
        self._waiting.start()
        with contextlib.suppress(OSError):  # it is gone, as `run` will find
            _send(order, _pipe(self._process.stdin))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def run(self, content: bytes, tell: Tell) -> Answer:
        """Work on one job, and wait for its end; raises `WorkerLost` if the process is gone."""
        try:
            _send(content, _pipe(self._process.stdin))
            while True:
                kind, message = pickle.load(self._messages)
                if kind != TOLD:
                    return Answer(kind, message)
                tell(message)
        except BROKEN:
            raise self._lost() from None

    def ask_to_end(self) -> None:
        """Let it put down its claims and end; returns at once."""
        with contextlib.suppress(OSError):
            _pipe(self._process.stdin).close()

    def end(self, seconds: float = GRACE) -> None:
        """Wait for its end, and kill it after so many seconds."""
        self.ask_to_end()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill()
        self._process.wait()
        self._waiting.join(GRACE)
        self._printing.join(GRACE)

    def close(self) -> None:
        """Close the pipes of a process that has ended, when no thread uses them."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # what was not sent any more
                _pipe(pipe).close()

    def _until_death(self, pipe: IO[bytes] | None) -> io.BufferedReader:
        return io.BufferedReader(_UntilDeath(_pipe(pipe).fileno(), lambda: self.is_alive))

    def _lost(self) -> WorkerLost:
        status = self._process.wait()
        self._printing.join(GRACE)
        if status < 0:
            return WorkerLost("was killed", f"signal {-status}")
        last = f": {self._last_line}" if self._last_line else ""
        return WorkerLost("ended", f"exit status {status}{last}")

    def _wait(self) -> None:
        """Kill what a process leaves behind when it dies: it holds our pipes open."""
        self._process.wait()
        self._kill()

    def _kill(self) -> None:
        """Kill the process and all that it started, which are a group of their own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _print(self) -> None:
        for line in self._printed:
            text = line.decode(errors="backslashreplace")
            self._last_line = text.strip() or self._last_line
            with contextlib.suppress(OSError, ValueError):  # a closed terminal
                sys.stderr.write(text)


class _UntilDeath(io.RawIOBase):
    """What comes through a pipe until a process has died.

    A pipe may stay open: a method may have started a process in a session of its own, which holds
    it.
    """

    def __init__(self, descriptor: int, is_alive: Callable[[], bool]) -> None:
        self._descriptor = descriptor
        self._is_alive = is_alive

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it; 0 at the end."""
        ready = select.poll()
        ready.register(self._descriptor, select.POLLIN)
        while True:
            # looked at first: what was written before the death is still read
            is_over = not self._is_alive()
            if ready.poll(0 if is_over else 1000 * LOOK):
                content = os.read(self._descriptor, len(buffer))
                buffer[: len(content)] = content
                return len(content)
            if is_over:
                return 0


def _environment(threads: int, gpu: str | None) -> dict[str, str]:
    """That of this process, with its places for modules, a share of the cores and a GPU."""
    environment = dict(os.environ)
    places = [path or str(Path.cwd()) for path in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(places)
    for name in THREAD_VARIABLES:
        environment[name] = str(threads)
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    return environment


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # each is a pipe
    return pipe


def _send(message: bytes, pipe: IO[bytes]) -> None:
    pickle.dump(message, pipe)
    pipe.flush()
