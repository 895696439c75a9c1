"""What a run gave, as one looks at it in a notebook: each table is held to another way to the same numbers."""

import numpy as np
import pytest

from fewshot_bench import Outcome, UserError, api
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.runs import run


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    out = tmp_path_factory.mktemp("outcome")
    asked = {"baselines": "pixels,untrained", "rules": "own,centred", "seeds": 2}
    return run(out, encoder="shufflenet_v2_x0_5", **asked)


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    out = tmp_path_factory.mktemp("classified")
    changes = {"shots": None, "queries": None, "episodes": None, "runs": 3}
    return run(out, protocol="steel-sim-small", train_per_class=[4, 8], **changes)


def test_episodes_come_to_the_accuracy_of_the_table(outcome: Outcome):
    episodes = outcome.episodes
    means = episodes.groupby(["baseline", "shots"])["accuracy"].mean()
    table = outcome.table.set_index(["baseline", "shots"])["accuracy"]
    assert means.sort_index().to_numpy() == pytest.approx(table.sort_index().to_numpy())
    counts = episodes.groupby(["baseline", "shots", "seed"])["episode"].agg(["count", "max"])
    assert (counts == [60, 59]).all(axis=None)


def test_an_episode_has_the_accuracy_of_its_predictions(outcome: Outcome):
    record = next(one for one in outcome.records if one.shots == 3 and one.training.seed == 1)
    answer = ResultsFolder(outcome.out).predictions_of(record)
    expected = (answer.predicted_TNQ == answer.episodes.classes_TN[:, :, None]).mean((1, 2))
    episodes = outcome.episodes
    is_row = (episodes["baseline"] == record.baseline.answerer) & (episodes["shots"] == 3)
    found = episodes[is_row & (episodes["seed"] == 1)]["accuracy"]
    assert found.to_numpy() == pytest.approx(expected)


def test_splits_say_which_images_are_trained_on(outcome: Outcome):
    splits = outcome.splits
    assert len(splits) == len(outcome.data)
    train = splits[splits["part"] == "train"]
    protocol = outcome.records[0].protocol
    assert set(train["class"]) == set(protocol.train_classes)
    assert set(splits[splits["part"] == "test"]["class"]) == set(protocol.test_classes)
    assert train["file"].tolist() == [outcome.data.files[image] for image in train["image"]]


def test_each_run_of_a_classification_is_a_split_and_an_episode(classified: Outcome):
    splits = classified.splits
    assert splits["split"].nunique() == 6
    assert not splits.duplicated(["split", "image"]).any()
    train = splits[splits["part"] == "train"].groupby(["train_size", "run"]).size()
    assert train.tolist() == [24, 24, 24, 48, 48, 48]
    means = classified.episodes.groupby("train_size")["accuracy"].mean()
    table = classified.table.set_index("train_size")["accuracy"]
    assert means.to_numpy() == pytest.approx(table.to_numpy())
    features = classified.features("pixels", split=4, part="train")
    own = splits[(splits["split"] == 4) & (splits["part"] == "train")]
    assert features.index.get_level_values("image").tolist() == own["image"].tolist()


def test_confusion_is_that_of_the_folder(outcome: Outcome):
    shares = outcome.confusion("pixels", 3)
    frame = api.confusion(outcome.out, ["pixels"], [3])
    frame = frame[frame["baseline"] == "pixels"]
    long = frame.set_index(["class", "predicted"])["share"]
    assert (
        list(shares.index) == list(shares.columns) == list(outcome.records[0].protocol.test_classes)
    )
    for (true, predicted), share in long.items():
        assert shares.loc[true, predicted] == pytest.approx(share)
    counts = outcome.confusion("untrained+centred", 1, counts=True)
    assert counts.sum(axis=1).tolist() == [2 * counts.sum(axis=1).iloc[0] / 2] * 3
    accuracy = np.diag(counts).sum() / counts.to_numpy().sum()
    table = outcome.table.set_index(["baseline", "shots"])["accuracy"]
    assert accuracy == pytest.approx(table["untrained+centred", 1])


def test_features_have_the_images_of_their_part(outcome: Outcome):
    test = outcome.features("untrained")
    splits = outcome.splits
    images = splits[splits["part"] == "test"]["image"].tolist()
    assert test.index.get_level_values("image").tolist() == images
    assert test.to_numpy().dtype == np.float32
    other = outcome.features("untrained", seed=1)
    assert not np.allclose(test, other)
    train = outcome.features("untrained", part="train")
    assert train.shape == (len(splits) - len(images), test.shape[1])
    # what the rule does: less the mean of the train images, to unit length
    centred = test.to_numpy() - train.to_numpy().mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found = outcome.features("untrained+centred").to_numpy()
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert found == pytest.approx(centred, abs=1e-4)


def test_what_is_not_there_is_one_line(outcome: Outcome):
    with pytest.raises(UserError, match=r"shots=None is no row of pixels \(allowed: 1, 3\)"):
        outcome.confusion("pixels")
    with pytest.raises(UserError, match="unknown baseline 'pixel'; did you mean 'pixels'"):
        outcome.confusion("pixel", 1)
    with pytest.raises(UserError, match=r"unknown seed '2' \(allowed: 0, 1\)"):
        outcome.features("untrained", seed=2)
    with pytest.raises(UserError, match=r"unknown split '1' \(allowed: 0\)"):
        outcome.features("untrained", split=1)
    with pytest.raises(UserError, match="unknown part of the split 'tests'; did you mean 'test'"):
        outcome.features("untrained", part="tests")


def test_it_is_shown_in_a_few_lines(outcome: Outcome):
    text = repr(outcome)
    assert len(text.splitlines()) <= 9
    assert len(text) < 1000
    shares = outcome.table.set_index(["baseline", "shots"])
    assert f"{100 * shares.loc[('pixels', 3), 'accuracy']:.1f} (" in text
    page = outcome._repr_html_()
    assert page.count("<tr") == 5
    assert str(outcome.out) in page


def test_a_data_set_is_shown_in_a_few_lines(outcome: Outcome):
    text = repr(outcome.data)
    assert text.startswith(
        "steel-sim: 144 grey images of 32 x 32 pixels, 6 classes\n  Crazing 24, "
    )
    assert len(text.splitlines()) <= 4
    assert outcome.data._repr_html_().count("data:image/png;base64,") == 6
