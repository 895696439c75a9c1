"""The array files of records, written and read in parts."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.records.answer_files import AnswerFile, AnswerWriter, write_answers
from fewshot_bench.records.answered import Answered

EPISODES = 700
QUERIES = 45


def answers(*, ranks: bool) -> Answered:
    rng = np.random.default_rng(0)
    predicted = rng.integers(0, 3, (EPISODES, QUERIES)).astype(np.uint8)
    return Answered(predicted, rng.integers(1, 46, predicted.shape, np.uint16) if ranks else None)


def in_parts(answered: Answered, size: int):
    def answer(writer: AnswerWriter) -> None:
        for start in range(0, EPISODES, size):
            rows = slice(start, start + size)
            ranks_TA = None if answered.ranks_TA is None else answered.ranks_TA[rows]
            writer.add(Answered(answered.predicted_TA[rows], ranks_TA))

    return answer


@pytest.mark.parametrize("ranks", [False, True])
@pytest.mark.parametrize("size", [1, 64, EPISODES])
def test_a_file_is_what_numpy_writes_and_is_read_in_any_parts(
    size: int, ranks: bool, tmp_path: Path
):
    answered = answers(ranks=ranks)
    arrays = {"predicted": answered.predicted_TA}
    if answered.ranks_TA is not None:
        arrays["ranks"] = answered.ranks_TA
    whole = io.BytesIO()
    np.savez_compressed(whole, **arrays)
    path = tmp_path / "some.npz"
    kept = write_answers(path, EPISODES, in_parts(answered, size))
    assert path.read_bytes() == whole.getvalue()
    assert kept.sha256 == hashlib.sha256(whole.getvalue()).hexdigest()
    file = AnswerFile(path, kept.sha256, EPISODES, QUERIES)
    for block in (1, 99, EPISODES):
        parts = list(file.parts(block))
        predicted = np.concatenate([part.predicted_TA for part in parts])
        assert np.array_equal(predicted, answered.predicted_TA)
        if answered.ranks_TA is not None:
            assert np.array_equal(np.concatenate([p.ranks_TA for p in parts]), answered.ranks_TA)


def test_too_few_answers_leave_no_file(tmp_path: Path):
    with pytest.raises(ValueError, match="700 episodes were answered, and not 701"):
        write_answers(tmp_path / "some.npz", 701, in_parts(answers(ranks=False), 100))
    assert not list(tmp_path.iterdir())


def test_a_file_of_other_answers_is_not_read(tmp_path: Path):
    path = tmp_path / "some.npz"
    kept = write_answers(path, EPISODES, in_parts(answers(ranks=False), 100))
    for sha256, episodes, queries, why in (
        ("0", EPISODES, QUERIES, "digest"),
        (kept.sha256, EPISODES + 1, QUERIES, "700 episodes and not 701"),
        (kept.sha256, EPISODES, 44, "queries an episode and not 44"),
    ):
        with pytest.raises(ValueError, match=why):
            AnswerFile(path, sha256, episodes, queries).check()
