"""Pair verification: from a request to the columns of the leaderboard, the tables, the page and a resumed run."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fewshot_bench.plugins.baselines.pixels import Pixels
from sklearn.metrics import roc_auc_score

from fewshot_bench import Request, UserError, api, report
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.registry.registry import Registry
from fewshot_bench.report import draw
from tests.helpers.runs import SMALL

ASKED = Request(
    pairs=90,
    baselines=["pixels", "siamese"],
    budget=64,
    settings=SMALL,
    preset="scratch",
    encoder="shufflenet_v2_x0_5",
    device="cpu",
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def outcome(out: Path) -> api.Outcome:
    return api.run(ASKED, out, reference="pixels")


def answers_of(out: Path, rule: str) -> Predictions:
    (found,) = [one for one in ResultsFolder(out).predictions() if one.record.baseline.rule == rule]
    return found


def turned(image_CHW: np.ndarray, turns: int) -> np.ndarray:
    quarters, is_mirrored = divmod(turns, 2)
    moved = np.rot90(image_CHW, quarters, (1, 2))
    return np.ascontiguousarray(moved[:, :, ::-1] if is_mirrored else moved)


def plain_scores(one: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """The cosine of each pair by `pixels`, one after another; and whether it is of one class."""
    data = make_plan(ASKED, Registry()).data
    protocol = one.record.protocol
    assert isinstance(protocol, Pairs)
    turns = protocol.turns(data.digest)
    scores = []
    images = [one.episodes.support_TNK.ravel(), one.episodes.query_TNQ.ravel()]
    for pair in np.stack(images, axis=1):
        pixels = [
            turned(data.images[image], turn)
            for image, turn in zip(pair, turns.of(pair), strict=True)
        ]
        first, second = Pixels().embed(torch.from_numpy(np.stack(pixels))).double().numpy()
        scores.append(first @ second / np.linalg.norm(first) / np.linalg.norm(second))
    return np.array(scores), data.labels[images[0]] == data.labels[images[1]]


def test_accuracy_and_area_are_those_of_a_plain_loop(outcome: api.Outcome, out: Path):
    scores, is_same = plain_scores(answers_of(out, "cosine"))
    row = outcome.table.set_index("rule").loc["cosine"]
    assert row["auroc"] == pytest.approx(roc_auc_score(is_same, scores), abs=1e-4)
    threshold = answers_of(out, "cosine").record.threshold
    assert threshold is not None
    assert row["accuracy"] == pytest.approx(
        ((scores > threshold.score) == is_same).mean(), abs=1e-6
    )


def test_each_row_has_intervals_and_says_where_its_threshold_is_from(outcome: api.Outcome):
    rows = outcome.table.set_index("rule")
    assert rows["threshold"].to_dict() == {"cosine": "pairs of train images", "pair": "own"}
    for row in rows.to_dict("records"):
        assert row["ci95_low"] <= row["accuracy"] <= row["ci95_high"]
        assert row["auroc_low"] <= row["auroc"] <= row["auroc_high"]
        assert (row["pairs"], row["ways"], row["shots"], row["protocol"]) == (
            90,
            2,
            1,
            "steel-sim-pairs",
        )
    assert "best on pairs of train images" in rows.loc["cosine", "note"]


def test_rows_are_compared_on_the_same_pairs(outcome: api.Outcome, out: Path):
    assert outcome.comparison is not None
    (row,) = outcome.comparison.to_dict("records")
    accuracies = outcome.table.set_index("rule")["accuracy"]
    assert row["difference"] == pytest.approx(accuracies["pair"] - accuracies["cosine"])
    assert row["low"] <= row["difference"] <= row["high"]
    assert set(api.compare(out, "pixels")["pairs"]) == {90}


def test_a_second_run_reads_the_records(outcome: api.Outcome, out: Path):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("records/**/*")}
    again = api.run(ASKED, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("records/**/*")} == before
    pd.testing.assert_frame_equal(again.table, outcome.table)


def test_a_confusion_is_of_same_and_different(outcome: api.Outcome, out: Path):
    counts = api.confusion(out).groupby(["baseline", "class"])["count"].sum()
    assert set(counts.index.get_level_values("class")) == {"same", "different"}
    assert (counts == 45).all()


@pytest.mark.usefixtures("outcome")
def test_pairs_have_no_episodes(outcome: api.Outcome):
    with pytest.raises(UserError, match="pairs have no episodes"):
        _ = outcome.episodes
    name = outcome.table["baseline"].iloc[0]
    assert outcome.confusion(name, counts=True).shape == (2, 2)


def test_tables_on_the_terminal_and_the_page_name_the_pairs(bench, out: Path):
    status, shown, _ = bench("leaderboard", "--out", out)
    assert status == 0
    assert "different" in bench("show", "--out", out)[1]
    page = report(out).read_text()
    for text in ("90 pairs", "same class or not, half of the pairs are"):
        assert text in shown
        assert text in page
    assert "AUROC" in shown
    assert "auroc low" in page


def test_two_numbers_of_pairs_are_two_columns_of_one_row(bench, tmp_path: Path):
    asked = dataclasses.replace(ASKED, baselines=["pixels"], budget=None, encoder=None)
    api.run(asked, tmp_path)
    table = api.run(dataclasses.replace(asked, pairs=60), tmp_path).table
    assert table["baseline"].tolist() == ["pixels"]
    table = api.leaderboard(tmp_path)
    assert table["baseline"].tolist() == ["pixels", "pixels"]
    assert table["rank"].tolist() == [1, 1]
    wide = pd.read_csv(tmp_path / "leaderboard-wide.csv")
    assert len(wide) == 1
    _, shown, _ = bench("leaderboard", "--out", tmp_path)
    assert "60 pairs" in shown
    assert "90 pairs" in shown
    assert "missing" not in shown


def test_so_few_pairs_that_there_is_no_interval_say_how_many_it_takes(tmp_path: Path):
    asked = dataclasses.replace(ASKED, baselines=["pixels"], budget=None, encoder=None, pairs=8)
    table = api.run(asked, tmp_path).table
    assert table["ci95_kind"].item() == "too few pairs"
    assert "ask for --pairs 12" in table["note"].item()
    enough = api.run(dataclasses.replace(asked, pairs=12), tmp_path).table
    assert enough["ci95_kind"].item() == "images"


def test_a_method_that_answers_from_images_is_not_applicable(tmp_path: Path):
    plugin = Path(__file__).parents[1] / "helpers" / "plugins" / "by_predict.py"
    request = dataclasses.replace(ASKED, baselines=["by_predict"], budget=None, encoder=None)
    outcome = api.run(request, tmp_path, plugins=[plugin])
    (record,) = outcome.records
    assert record.status == "not applicable"
    assert "gives two images no score" in record.reason


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"shots": [1]}, "--shots is for other protocols"),
        ({"runs": 2}, "--runs is for other protocols"),
        ({"rules": ["whitened"]}, "whitened names a rule for episodes"),
        (
            {"baselines": ["pixels+whitened"], "budget": None, "encoder": None},
            "pixels.whitened names a rule for episodes",
        ),
        ({"protocol": "steel-sim-heldout"}, "--pairs 90 is for protocols that ask about pairs"),
        ({"protocol": "steel-sim-small"}, "--pairs 90 is for protocols that ask about pairs"),
        ({"pairs": 9_000}, "9000 pairs are more than the test classes"),
    ],
)
def test_what_does_not_fit_is_one_line(changes: dict[str, object], text: str, tmp_path: Path):
    with pytest.raises(UserError, match=text):
        api.run(dataclasses.replace(ASKED, **changes), tmp_path)  # type: ignore[arg-type]


def test_no_file_of_episodes_holds_pairs_and_nothing_explains_them(tmp_path: Path):
    with pytest.raises(UserError, match="which no file of episodes holds"):
        api.episodes(ASKED, tmp_path / "pairs.npz")
    with pytest.raises(UserError, match="asks about pairs, and bench explain"):
        draw.explain(ASKED, tmp_path)
