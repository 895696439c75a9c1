"""Progress on a terminal, and plain lines where there is none."""

import io

from rich.console import Console

from fewshot_bench.cli.progress import Watch
from fewshot_bench.engine.progress import Progress


def test_progress_tells_the_time_that_is_left_in_every_stage():
    out = io.StringIO()
    with Watch(Console(file=out, width=100, force_terminal=True)) as watch:
        for stage in ("train", "embed", "score"):
            for done in range(0, 1001, 10):
                watch(Progress("protonet", "", stage, done, 1000, "loss 1.0"))
            assert watch.bars.tasks[-1].time_remaining == 0
            assert f"protonet: {stage}" in watch.bars.tasks[-1].description
        watch(Progress("protonet", "", "done", note="ok"))
    assert not watch.bars.tasks
    assert "protonet: ok" in out.getvalue()


def test_plain_lines_where_there_is_no_terminal():
    out = io.StringIO()
    with Watch(Console(file=out, width=100, force_terminal=False)) as watch:
        for done in range(0, 1001, 100):
            watch(Progress("protonet", "seed 1", "train", done, 1000))
        watch(Progress("protonet", "seed 1", "done", note="ok"))
    assert out.getvalue() == "protonet (seed 1): train ...\nprotonet (seed 1): ok\n"
