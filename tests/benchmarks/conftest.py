"""Benchmarks: peers side by side in one process, medians of interleaved rounds, ratios in a table.

uv run --group peers pytest tests/benchmarks                    # prints the ratios
uv run --group peers pytest tests/benchmarks --into-docs        # and puts them into the table of docs/performance.md
"""

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from rich.console import Console
from rich.table import Table as Printed
from threadpoolctl import threadpool_limits

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
COLUMNS = ("measured", "ours", "beside it", "goal", "date", "machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--into-docs", action="store_true", help="put what is measured into docs/performance.md"
    )
    parser.addoption(
        "--peak-episodes", default=1_000_000, help="episodes of each record in bench_peaks.py"
    )


class Table:
    """What was measured, a row a figure."""

    def __init__(self) -> None:
        accelerator = (
            torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} cores"
        )
        self.where = (datetime.now(UTC).date().isoformat(), f"{platform.machine()}, {accelerator}")
        self.rows: list[tuple[str, ...]] = []

    def add(self, what: str, ours: str, beside: str = "", goal: str = "") -> None:
        self.rows.append((what, ours, beside, goal, *self.where))

    def interleaved(
        self,
        runs: Mapping[str, tuple[Callable[[], object], int]],
        threads: int | None = None,
        rounds: int = 5,
    ) -> dict[str, float]:
        """Items a second of each run, (callable, items of one call): medians over rounds that take turns."""
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        limits = threadpool_limits(threads)  # of what numpy multiplies matrices with
        rates: dict[str, list[float]] = {name: [] for name in runs}
        try:
            for run, _ in runs.values():
                run()
            for _ in range(rounds):
                for name, (run, items) in runs.items():
                    start = time.perf_counter()
                    run()
                    rates[name].append(items / (time.perf_counter() - start))
        finally:
            torch.set_num_threads(before)
            limits.restore_original_limits()
        return {name: statistics.median(values) for name, values in rates.items()}


def into_docs(rows: list[tuple[str, ...]]) -> None:
    """Put rows into the table of the page, each in the place of the one that measured the same."""
    text = PAGE.read_text()
    front = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
    there = re.search(re.escape(front) + r"((?:\|.*\n)*)", text)
    assert there is not None, f"{PAGE} has lost its table of benchmarks"
    kept = {line.split(" | ")[0]: line for line in there[1].splitlines()}
    kept |= {line.split(" | ")[0]: line for line in (f"| {' | '.join(row)} |" for row in rows)}
    PAGE.write_text(text.replace(there[0], front + "".join(f"{line}\n" for line in kept.values())))


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    table = Table()
    yield table
    printed = Printed(*COLUMNS[:4])
    for row in table.rows:
        printed.add_row(*row[:4])
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        Console().print(printed)
    if request.config.getoption("--into-docs"):
        into_docs(table.rows)
