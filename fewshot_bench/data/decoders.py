"""Decoding many image files: in this process, and in one a core as soon as that pays.

The processes are this Python with `serve`, so that a user's script is not run again. They get the
bytes of the files and give pixels back.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import queue
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Self

from fewshot_bench.data.decoding import Decoded, Encoded, decoded
from fewshot_bench.errors import UserError

__all__ = ["Decoders", "cores", "serve"]

PATIENCE = 0.5  # seconds of work in this process, before others are thought of
LEAST_LEFT = 1.5  # seconds of work that is left, for which others are started
MOST_IN_BATCH = 64  # images
BATCH = 2**22  # bytes of the files in a batch, or little more
AHEAD = 2  # batches that wait for each process
SERVE = """
import sys
sys.path[:] = {path!r}
from fewshot_bench.data.decoders import serve
serve()
"""


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Decoders:
    """Decodes images, in order. Use it in a `with` statement, at whose end its processes end."""

    def __init__(self) -> None:
        self._processes: list[_Process] = []
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def decode(self, images: Iterable[Encoded], total: int) -> Iterator[Decoded]:
        """What each of the images is. total: how many there are.

        Raises `UserError` if a process ends before its work is done.
        """
        waiting = iter(images)
        if not self._processes:
            yield from self._decode_here(waiting, total)
        yield from self._decode_there(waiting)

    def _decode_here(self, images: Iterator[Encoded], total: int) -> Iterator[Decoded]:
        """Until no image is left, or until processes pay, which are started then."""
        start = time.perf_counter()
        for done, image in enumerate(images, start=1):
            yield decoded(image)
            elapsed = time.perf_counter() - start
            left = elapsed / done * (total - done)
            if elapsed > PATIENCE and left > LEAST_LEFT and cores() > 1:
                self._start(cores())
                return

    def _decode_there(self, images: Iterator[Encoded]) -> Iterator[Decoded]:
        working: deque[Future[list[Decoded]]] = deque()
        for batch in _batches(images):
            assert self._threads is not None
            working.append(self._threads.submit(self._answer, batch))
            if len(working) > AHEAD * len(self._processes):
                yield from working.popleft().result()
        while working:
            yield from working.popleft().result()

    def _start(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        for _ in range(count):
            process = _Process()
            self._processes.append(process)
            self._idle.put(process)

    def _answer(self, batch: list[Encoded]) -> list[Decoded]:
        """Runs in a thread, which waits for its process."""
        process = self._idle.get()
        try:
            return process.answer(batch)
        finally:
            self._idle.put(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.stop()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.close()


class _Process:
    def __init__(self) -> None:
        command = [sys.executable, "-c", SERVE.format(path=sys.path)]
        # Ctrl-C is for this process alone, which then stops that one
        self._running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def answer(self, batch: list[Encoded]) -> list[Decoded]:
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        try:
            _send(batch, self._running.stdin)
            answer: list[Decoded] = pickle.load(self._running.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            raise UserError(
                f"a process that decodes pictures was ended{self._how()}; free memory if it was "
                "short, and run it again"
            ) from None
        return answer

    def _how(self) -> str:
        status = self._running.wait()
        if status >= 0:
            return f" (exit status {status})"
        return f" ({signal.Signals(-status).name})"

    def stop(self) -> None:
        self._running.kill()
        self._running.wait()

    def close(self) -> None:
        for stream in (self._running.stdin, self._running.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent any more
                    stream.close()


def serve() -> None:
    """Answer batches from standard input until it ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    with contextlib.suppress(EOFError, OSError):
        while True:
            batch = pickle.load(sys.stdin.buffer)
            _send([decoded(image) for image in batch], answers)


def _send(message: object, stream: IO[bytes]) -> None:
    pickle.dump(message, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _batches(images: Iterator[Encoded]) -> Iterator[list[Encoded]]:
    for first in images:
        batch = [first]
        size = len(first.content)
        for image in itertools.islice(images, MOST_IN_BATCH - 1):
            batch.append(image)
            size += len(image.content)
            if size > BATCH:
                break
        yield batch
