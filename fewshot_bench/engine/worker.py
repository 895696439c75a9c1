"""The worker process: `python -m fewshot_bench.engine.worker`, which `jobs.process` starts.

It reads a `RunOrder` from standard input, makes the plan, and works on each `TrainingOrder` that
follows. It says how far it is, and at the end of each training what became of it. It ends when
standard input does: the process that started it has stopped it, or is gone.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import IO

from fewshot_bench.engine.order import RunOrder, TrainingOrder
from fewshot_bench.engine.progress import Progress
from fewshot_bench.engine.schedule import Schedule
from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.jobs.process import TOLD
from fewshot_bench.planning.plan import Plan, make_plan
from fewshot_bench.planning.plan_in_folder import plan_in
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.registry.registry import Registry

__all__ = ["DONE", "HELD", "RAISED", "REFUSED", "main"]

# kinds of answers
DONE = "done"
HELD = "held"  # content: who works on it
REFUSED = "refused"  # content: why it is not worked on
RAISED = "raised"  # content: an error that ends a run, pickled
# of the stages without a loss more than so many reports a second nobody sees
REPORTS_A_SECOND = 10
GRACE = 0.8  # seconds after its standard input ended, in which it may put down its claims
LOST_ORDER = 1  # exit status

Send = Callable[[str, bytes], None]


def main() -> None:
    """Work on trainings until standard input ends."""
    send = _channel()
    stream = _orders()
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    is_over = threading.Event()
    threading.Thread(target=_listen, args=(stream, orders, is_over), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        worker = _prepared(pickle.loads(orders.get()), send)
        while True:
            order = pickle.loads(orders.get())
            try:
                worker(order)
            except KeyboardInterrupt:
                if is_over.is_set():
                    raise
                # Ctrl-C does not reach this process
                send(REFUSED, b"KeyboardInterrupt: the method raised it")
    _leave()


def _leave() -> None:
    """End this process at once, and all that a method started in it."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(LOST_ORDER)


def _channel() -> Send:
    """How to send messages: by standard output, which nobody else may write to from now on."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return functools.partial(_send, messages)


def _orders() -> IO[bytes]:
    """Standard input, in whose place whoever else reads finds nothing from now on."""
    stream = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    return stream


def _send(messages: IO[bytes], kind: str, content: bytes) -> None:
    pickle.dump((kind, content), messages)
    messages.flush()


def _listen(stream: IO[bytes], orders: queue.SimpleQueue[bytes], is_over: threading.Event) -> None:
    """Take orders; when they end, end this process."""
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError):
        while True:
            orders.put(pickle.load(stream))
    is_over.set()
    _thread.interrupt_main()  # like Ctrl-C: claims are put down
    time.sleep(GRACE)
    _leave()


def _prepared(order: RunOrder, send: Send) -> Callable[[TrainingOrder], None]:
    """What works on each training; it refuses all of them where there can be no plan."""
    sys.argv = list(order.argv)  # a record says which command it is of
    with contextlib.suppress(OSError):
        os.chdir(order.folder)
    try:
        folder = _folder(order)
        plan = plan_in(folder, make_plan(order.request, Registry(order.plugins)))
    except PLUGIN_ERRORS as error:
        is_message = isinstance(error, UserError)
        reason = str(error) if is_message else f"{type(error).__name__}: {error}"
        return lambda training: send(REFUSED, reason.encode())
    return functools.partial(_work, plan, folder, send)


def _folder(order: RunOrder) -> ResultsFolder:
    """The folder of results. Raises `UserError` if it is not that of the run."""
    claims = ResultPaths(order.out).claims
    is_shared = False
    if claims.is_dir():
        with Claims(claims).held(order.claim) as holder:
            is_shared = bool(holder)
    if not is_shared:
        raise UserError(
            f"{order.out} of this machine is not the folder of the run; name a folder with --out "
            "that all machines share"
        )
    return ResultsFolder(order.out)


def _work(plan: Plan, folder: ResultsFolder, send: Send, order: TrainingOrder) -> None:
    """Make the records of one training, and say what became of it."""
    refusal = order.refusal(plan)
    if refusal:
        send(REFUSED, refusal.encode())
        return
    schedule = Schedule(plan, folder, _Reporter(send))
    schedule.failures = order.failures
    training = list(plan.trainings)[order.position]
    try:
        holder = schedule.attempt(training)
    except (UserError, OSError) as error:
        # what ends a run of one process: a full disk, a folder that is gone
        send(RAISED, pickle.dumps(error))
        return
    send(HELD if holder else DONE, holder.encode())


class _Reporter:
    """Sends all steps with a loss or a record, and of the others of one stage a few each second."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.stage = ""
        self.sent = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        has_result = progress.loss is not None or progress.record is not None
        is_same_stage = progress.stage == self.stage
        if is_same_stage and not has_result and now < self.sent + 1 / REPORTS_A_SECOND:
            return
        self.stage = progress.stage
        self.sent = now
        self.send(TOLD, pickle.dumps(progress))


if __name__ == "__main__":
    main()
