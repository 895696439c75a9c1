"""What decides: which results are held against each other, and in what they differ alone."""

from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.leaderboard.parts import DRAW, variance_parts
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.runs import run


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two floors by two rules; one of them with three seeds."""
    out = tmp_path_factory.mktemp("parts") / "out"
    run(out, baselines=["untrained"], seeds=3, rules=["own", "unit_mean"])
    run(out, baselines=["pixels"], rules=["own", "unit_mean"])
    return out


def parts_of(out: Path) -> pd.DataFrame:
    """The parts of all results of this folder."""
    return variance_parts(ResultsFolder(out, write=False).predictions())


def test_each_source_is_held_to_what_differs_in_it_alone(results: Path) -> None:
    """Pixels have no encoder, so that method and features differ together: no part for either."""
    frame = parts_of(results).set_index(["shots", "source"])
    assert frame.loc[1].index.tolist() == [
        "decision rule",
        "training seed",
        DRAW,
        "all together",
    ]
    of_rule = frame.loc[(3, "decision rule")]
    # 3 seeds of one method and one training of the other, each by two rules
    assert (of_rule["levels"], of_rule["comparisons"]) == (2, 4)
    assert frame.loc[(3, "training seed"), "comparisons"] == 2 * 3
    assert frame.loc[(3, "all together"), "comparisons"] == 8 * 7 / 2
    assert of_rule["unit"] == "training seed"
    assert of_rule["units"] == 3


def test_a_spread_is_that_of_the_accuracies(results: Path) -> None:
    """Half the mean squared difference of accuracies on the same episodes."""
    folder = ResultsFolder(results, write=False)
    right: dict[int, dict[str, float]] = {}
    for one in folder.predictions():
        if one.record.shots == 1 and one.record.baseline.name == "untrained":
            accuracy = (one.predicted_TNQ == one.episodes.classes_TN[:, :, None]).mean()
            by_rule = right.setdefault(one.record.training.seed, {})
            by_rule[one.record.baseline.rule] = float(accuracy)
    board = api.leaderboard(results)
    pixels = board[board["baseline"].str.startswith("pixels") & (board["shots"] == 1)]
    pixels_apart = pixels["accuracy"].max() - pixels["accuracy"].min()
    apart = [first - second for first, second in (one.values() for one in right.values())]
    squares = [one**2 / 2 for one in (*apart, pixels_apart)]
    frame = parts_of(results).set_index(["shots", "source"])
    expected = (sum(squares) / 4) ** 0.5
    assert frame.loc[(1, "decision rule"), "spread"] == pytest.approx(expected)


def test_a_single_result_has_no_parts(tmp_path: Path) -> None:
    """One method, one shot value: nothing differs."""
    run(tmp_path / "out", shots=[1])
    assert parts_of(tmp_path / "out").empty
