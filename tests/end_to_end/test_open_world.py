"""`--known` and `--open-set`: from the command line to the columns of the leaderboard."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from fewshot_bench.plugins.baselines.pixels import Pixels

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY
from tests.helpers.runs import QUICK, run

PLUGINS = Path(__file__).parents[1] / "helpers" / "plugins"
OPEN = {"known": ["all"], "open_set": True, "ways": 2, "rules": ["own", "unit_mean", "nearest"]}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> api.Outcome:
    return run(tmp_path_factory.mktemp("open"), **OPEN)


@pytest.fixture(scope="module")
def answered(outcome: api.Outcome) -> dict[str, Predictions]:
    """The answers at 3 shots, by rule."""
    folder = ResultsFolder(outcome.files[0].parent)
    found = {}
    for one in folder.predictions():
        if one.record.shots == 3:
            found[one.record.baseline.rule] = one
    return found


def test_the_accuracy_is_the_harmonic_mean_of_both(outcome: api.Outcome):
    for row in outcome.table.to_dict("records"):
        new = row["accuracy_new"]
        known = row["accuracy_known"]
        assert row["accuracy"] == pytest.approx(2 * new * known / (new + known))
        for name in ("accuracy_new", "accuracy_known", "auroc", "false_accepts"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        assert row["ci95_low"] < row["accuracy"] < row["ci95_high"]
        assert row["known_classes"] == "all"
        assert row["open_set"]
        assert pd.isna(row["ci95_episodes"])  # it would be of the new classes alone


def plain_answers(one: Predictions) -> np.ndarray:
    """(T, A) by `unit_mean`, with all train images as references of known classes, in a loop."""
    plan = make_plan(dataclasses.replace(QUICK, **OPEN), Registry())  # type: ignore[arg-type]
    features = Pixels().embed(torch.from_numpy(plan.data.images.copy())).double().numpy()
    protocol = one.record.protocol
    train = plan.cells[0].episode_set.split.train
    trained = plan.data.labels[train]
    answers = []
    for episode in range(5):
        classes = [*one.episodes.classes_TN[episode]]
        references = [*one.episodes.support_TNK[episode]]
        for number, name in enumerate(protocol.known):  # type: ignore[union-attr]
            classes.append(len(protocol.test_classes) + number)
            references.append(train[trained == plan.data.class_names.index(name)])
        queries = features[one.episodes.all_queries_TA[episode]]
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        scores = []
        for images in references:
            of_class = features[images] / np.linalg.norm(features[images], axis=1, keepdims=True)
            mean = of_class.mean(0)
            scores.append(queries @ mean / np.linalg.norm(mean))
        answers.append(np.array(classes)[np.argmax(scores, axis=0)])
    return np.array(answers)


def test_a_known_class_is_the_mean_of_all_its_train_images(answered: dict[str, Predictions]):
    one = answered["unit_mean"]
    assert (plain_answers(one) == one.answered.predicted_TA[:5]).mean() > 0.99


def test_ranks_order_the_queries_of_an_episode(answered: dict[str, Predictions]):
    for one in answered.values():
        ranks = one.answered.ranks_TA
        assert ranks is not None
        assert ranks.shape == one.episodes.all_queries_TA.shape
        assert (ranks.min(1) == 1).all()


def test_confusion_has_the_known_classes(outcome: api.Outcome):
    table = api.confusion(outcome.files[0].parent, shots=[3])
    protocol = outcome.records[0].protocol
    names = {*protocol.test_classes, *protocol.train_classes}
    assert set(table["class"]) == names
    assert set(table["predicted"]) == names
    shares = table.groupby(["baseline", "class"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(np.ones(len(shares)))


def test_differences_are_of_the_harmonic_mean(outcome: api.Outcome):
    folder = outcome.files[0].parent
    compared = api.compare(folder, "pixels")
    table = outcome.table.set_index(["baseline", "shots"])["accuracy"]
    assert len(compared) == 4
    for row in compared.to_dict("records"):
        expected = table[row["baseline"], row["shots"]] - table["pixels", row["shots"]]
        assert row["difference"] == pytest.approx(expected)
        assert row["low"] < row["difference"] < row["high"]


def test_a_plain_run_is_another_question(outcome: api.Outcome):
    folder = outcome.files[0].parent
    run(folder, ways=2)
    table = api.leaderboard(folder)
    of_question = table.groupby(["known_classes", "open_set"], dropna=False)["rank"].min()
    assert of_question.to_list() == [1, 1]


@pytest.mark.parametrize(
    ("name", "status"), [("by_pair", "ok"), ("by_classify", "ok"), ("by_predict", "not applicable")]
)
def test_methods_with_a_rule_of_their_own(tmp_path: Path, name: str, status: str):
    outcome = run(tmp_path, [PLUGINS / f"{name}.py"], known=["all"], baselines=[name], shots=[1])
    (record,) = outcome.records
    assert record.status == status
    if status == "ok":
        assert outcome.table["accuracy_known"].notna().all()
    else:
        assert "the references of a known class" in record.reason


def test_a_pair_head_takes_its_mean_score_with_the_train_images(tmp_path: Path):
    accuracies = []
    for name in ("by_pair", "by_rule"):
        outcome = run(tmp_path, [PLUGINS / f"{name}.py"], known=["all"], baselines=[name])
        accuracies.append(outcome.table[["accuracy_new", "accuracy_known"]].to_numpy())
    # the rule is the mean cosine, and so is the mean score of the pair head
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.002)


def test_every_split_with_its_train_classes_as_known_ones(tmp_path: Path):
    outcome = run(tmp_path, known=["all"], open_set=True, splits="all", ways=2, shots=[1])
    assert len(outcome.table) == 20
    assert outcome.table["accuracy_known"].notna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"open_set": True}, "ways=3 takes all 3 test classes"),
        ({"known": ["nonsense"]}, "unknown known class"),
        (
            {
                "known": ["all"],
                "protocol": "steel-sim-classify",
                "shots": None,
                "queries": None,
                "episodes": None,
            },
            "--known is for few-shot protocols",
        ),
    ],
)
def test_bad_input(tmp_path: Path, changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **changes)


def test_the_table_says_what_it_shows(bench, tmp_path: Path):
    asked = ["--ways", 2, "--known", "all", "--open-set", "--shots", 1, "--baselines", "pixels"]
    status, shown, _ = bench("run", *asked, *TINY, "--out", tmp_path)
    assert status == 0
    words = " ".join(shown.split())
    for text in ("known classes: all", "open set", "AUROC", "false accepts", "harmonic mean"):
        assert text in words
