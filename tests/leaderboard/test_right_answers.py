"""Records of many episodes: the same tables, and memory that does not grow with their number."""

import dataclasses
import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench import api
from fewshot_bench.leaderboard import tables
from fewshot_bench.records import predictions
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.held import HELD
from tests.helpers.runs import run


def add_methods(out: Path, first: int, stop: int) -> None:
    """Records of further methods, which answer rightly as often as their number says."""
    results = ResultsFolder(out)
    for record in [one for one in results if one.baseline.name == "pixels"]:
        episodes = results.predictions_of(record).episodes
        true_TA = np.repeat(episodes.classes_TN, episodes.query_TNQ.shape[2], axis=1)
        for number in range(first, stop):
            rng = np.random.default_rng(number)
            is_right_TA = rng.random(true_TA.shape) < 0.5 + 0.05 * number
            predicted_TA = np.where(is_right_TA, true_TA, (true_TA + 1) % 3).astype(np.uint8)
            name = f"method{number}"
            baseline = dataclasses.replace(record.baseline, name=name, sha256=name)
            key = f"{number:08d}{record.key[8:]}"
            made = dataclasses.replace(record, key=key, baseline=baseline)
            results.write(made, Answered(predicted_TA))


def in_blocks(monkeypatch: pytest.MonkeyPatch, *, limit: int, block: int = 1000) -> None:
    """From now on, few episodes are many."""
    monkeypatch.setattr(predictions, "SMALL", 1000)
    monkeypatch.setattr(predictions, "BLOCK", block)
    monkeypatch.setattr(predictions, "MOST_KEPT", limit // 2)
    monkeypatch.setattr(HELD, "limit", limit)


def everything(out: Path) -> list[str]:
    answers = ResultsFolder(out, write=False).predictions()
    frames = [
        api.leaderboard(out),
        api.compare(out, "pixels"),
        api.confusion(out),
        tables.episode_accuracies(answers),
    ]
    return [tables.csv_text(frame) for frame in frames]


@pytest.mark.parametrize("limit", [0, 60_000, 10_000_000])
def test_tables_are_the_same_to_the_byte_when_episodes_come_in_blocks(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(tmp_path, shots=[1, 3], episodes=120)
    add_methods(tmp_path, 1, 3)
    whole = everything(tmp_path)
    in_blocks(monkeypatch, limit=limit)
    assert everything(tmp_path) == whole


def peak(out: Path) -> int:
    """Bytes that the leaderboard takes at the most, beyond what was there."""
    gc.collect()
    tracemalloc.start()
    try:
        api.leaderboard(out)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(tmp_path, shots=[1], episodes=12_000)
    add_methods(tmp_path, 1, 4)
    in_blocks(monkeypatch, limit=300_000, block=20_000)
    peak(tmp_path)  # what is imported or made once
    few = peak(tmp_path)
    add_methods(tmp_path, 4, 8)
    many = peak(tmp_path)
    of_four_cells = 4 * 12_000 * 15  # bytes of what they answered; a record itself takes some too
    assert many - few < of_four_cells / 4, f"4 cells more take {many - few:,} bytes"
