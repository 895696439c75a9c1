"""learn2learn's own loops on our splits: a test task is an episode of the protocol, and the accuracy is ours."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fewshot_bench import Request
from fewshot_bench.errors import UserError
from fewshot_bench.interop import tasksets
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.plugin_files import copied
from tests.helpers.runs import SMALL, run

pytestmark = pytest.mark.usefixtures("learn2learn")
ASKED = Request(shots=[3], queries=5, episodes=30, settings=SMALL)


def prototype_accuracy(task: tuple[Tensor, Tensor], shots: int, queries: int) -> float:
    """What learn2learn's loop for prototypical networks does: support first within each class."""
    data, labels = task
    order = torch.sort(labels, stable=True).indices
    features, labels = data[order].flatten(1)[:, ::7], labels[order]
    chosen = np.zeros(len(features), dtype=bool)
    for offset in range(shots):
        chosen[np.arange(3) * (shots + queries) + offset] = True
    support = features[torch.from_numpy(chosen)].view(3, shots, -1).mean(1)
    predicted = -torch.cdist(features[torch.from_numpy(~chosen)], support)
    return float((predicted.argmax(1) == labels[torch.from_numpy(~chosen)]).float().mean())


def test_a_loop_of_learn2learn_measures_what_bench_run_measures(tmp_path: Path):
    path = copied("by_rule", tmp_path / "nearest.py", {"mean_cosine": "prototype"})
    outcome = run(tmp_path / "out", [path], baselines=["nearest"], shots=[3], episodes=30)
    answer = ResultsFolder(tmp_path / "out").predictions_of(outcome.records[0])
    expected = (answer.predicted_TNQ == answer.episodes.classes_TN[:, :, None]).mean((1, 2))
    test = tasksets(ASKED).test
    found = [prototype_accuracy(task, 3, 5) for task in test]
    assert len(test) == 30
    assert found == pytest.approx(expected.tolist())
    assert np.mean(found) == pytest.approx(outcome.table["accuracy"].item())


def test_interleaved_tasks_suit_the_loop_for_maml():
    """It takes the rows at even places as support."""
    request = dataclasses.replace(ASKED, queries=3)
    (rows, labels), (blocks, _) = (
        tasksets(request, interleaved=True).test[4],
        tasksets(request).test[4],
    )
    even = np.zeros(len(rows), dtype=bool)
    even[np.arange(3 * 3) * 2] = True
    support = blocks.view(3, 6, *rows.shape[1:])[:, :3].flatten(0, 1)
    assert torch.equal(rows[torch.from_numpy(even)], support)
    assert labels[torch.from_numpy(even)].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    with pytest.raises(UserError, match="as many queries as shots, not 5 and 3; give queries=3"):
        tasksets(ASKED, interleaved=True)


def test_train_tasks_are_of_the_train_classes_and_can_be_learned_from():
    import learn2learn as l2l

    train = tasksets(ASKED, transform=lambda image: image[:, ::4, ::4]).train
    data, labels = train.sample()
    assert data.shape == (3 * 8, 1, 8, 8)
    assert sorted(labels.view(3, 8)[:, 0].tolist()) == [0, 1, 2]
    assert (labels.view(3, 8) == labels.view(3, 8)[:, :1]).all()
    assert 0 <= float(data.min()) < float(data.max()) <= 1
    learner = l2l.algorithms.MAML(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)), lr=0.1
    ).clone()
    before = torch.nn.functional.cross_entropy(learner(data), labels)
    learner.adapt(before)
    assert torch.nn.functional.cross_entropy(learner(data), labels) < before


@pytest.mark.slow
def test_tasks_reach_the_workers_of_a_loader():
    """Spawned ones, as on macOS and Windows, which get them by way of a pickle."""
    sets = tasksets(ASKED)
    loader = DataLoader(sets.test, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    for (data, labels), (same_data, same_labels) in zip(loader, sets.test, strict=True):
        assert torch.equal(data, same_data)
        assert torch.equal(labels, same_labels)


def test_tasksets_survive_a_pickle():
    train = pickle.loads(pickle.dumps(tasksets(ASKED).train))
    assert train.sample()[0].shape == (3 * 8, 1, 32, 32)


def test_what_makes_no_taskset_is_one_line():
    with pytest.raises(UserError, match="asks 3 questions; a taskset takes one shot value"):
        tasksets(dataclasses.replace(ASKED, shots=None))
    with pytest.raises(UserError, match="a number of queries of a few-shot protocol"):
        tasksets(dataclasses.replace(ASKED, queries="all"))
    with pytest.raises(IndexError):
        tasksets(ASKED).test[30]
