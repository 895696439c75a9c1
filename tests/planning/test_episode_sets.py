"""Episodes of a file are replayed."""

from pathlib import Path

import numpy as np
import pytest

from fewshot_bench import api
from tests.helpers.runs import QUICK, run


def test_episodes_of_a_file_are_replayed(tmp_path: Path):
    drawn = run(tmp_path / "drawn")
    file = tmp_path / "episodes.npz"
    written = api.episodes(QUICK, file)
    assert written["digest"].tolist() == [record.episodes_digest for record in drawn.records]
    free = {"shots": None, "queries": None, "episodes": None}
    replayed = run(tmp_path / "drawn", episodes_file=file, **free)
    assert [record.key for record in replayed.records] == [record.key for record in drawn.records]

    with np.load(file) as stored:
        arrays = dict(stored)
    arrays |= {
        name: value[::-1] for name, value in arrays.items() if name != "about"
    }  # another order: nobody draws it
    np.savez(file, **arrays)
    other = run(tmp_path / "other", episodes_file=file, **free)
    assert other.table["accuracy"].tolist() == pytest.approx(drawn.table["accuracy"].tolist())
    assert other.table["episodes_digest"].tolist() != drawn.table["episodes_digest"].tolist()
    run(tmp_path / "drawn", episodes_file=file, **free)  # drawn and edited episodes side by side
    assert len(api.leaderboard(tmp_path / "drawn")) == 4
    file.unlink()  # the results hold their own copy
    assert (
        api.leaderboard(tmp_path / "other")["accuracy"].tolist() == other.table["accuracy"].tolist()
    )
