"""10,000 episodes, sampled and scored, beside easyfsl and learn2learn: embeddings in, accuracies out, one thread each."""

import contextlib
import io
import warnings

import numpy as np
import pytest
import torch

from fewshot_bench.protocols.episode import DrawnEpisodes
from tests.helpers.prototypes import nearest_ways, products_of

WAYS, SHOTS, QUERIES = 3, 5, 15
POOL = ((0, 300), (300, 300), (600, 300))  # NEU's test classes
EPISODES, PEER_EPISODES = 10_000, 1_000  # the peers' cost an episode is constant


def embeddings(features: int) -> np.ndarray:
    """Three overlapping classes, all features positive as after a ReLU."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, features)) * 1.5 / features**0.25
    return np.abs(np.repeat(centres, 300, axis=0) + rng.normal(size=(900, features))).astype(
        np.float32
    )


def ours(embeddings_MD: np.ndarray, pairs_MM: np.ndarray | None = None) -> np.ndarray:
    """Accuracy of each episode, (T,)."""
    episodes = DrawnEpisodes(POOL, WAYS, SHOTS, QUERIES, "benchmark").draw(0, EPISODES)
    predicted = nearest_ways(embeddings_MD, episodes, pairs_MM)
    return (predicted == np.arange(WAYS)[:, None]).mean((1, 2))


def easyfsl(embeddings_MD: np.ndarray):
    """A callable that evaluates so many episodes with `PrototypicalNetworks`, and the classifier."""
    from easyfsl.datasets import FeaturesDataset
    from easyfsl.methods import PrototypicalNetworks
    from easyfsl.samplers import TaskSampler
    from easyfsl.utils import evaluate
    from torch.utils.data import DataLoader, Sampler

    if (
        Sampler.__init__ is object.__init__
    ):  # torch >= 2.10 takes no data_source any more, easyfsl 1.5.0 gives one
        Sampler.__init__ = lambda self, data_source=None: None
    data = FeaturesDataset(
        np.repeat(range(3), 300).tolist(), torch.from_numpy(embeddings_MD), list("abc")
    )
    classifier = PrototypicalNetworks(torch.nn.Identity())

    def run(episodes: int) -> float:
        sampler = TaskSampler(data, WAYS, SHOTS, QUERIES, episodes)
        loader = DataLoader(data, batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn)
        return evaluate(classifier, loader, device="cpu", use_tqdm=False)

    return run, classifier


def learn2learn(embeddings_MD: np.ndarray):
    """A callable that evaluates so many episodes with `PrototypicalClassifier`."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        import learn2learn as l2l
        from learn2learn.data.transforms import FusedNWaysKShots, LoadData, RemapLabels

    labels = torch.from_numpy(np.repeat(range(3), 300))
    data = l2l.data.MetaDataset(
        torch.utils.data.TensorDataset(torch.from_numpy(embeddings_MD), labels)
    )
    transforms = [
        FusedNWaysKShots(data, n=WAYS, k=SHOTS + QUERIES),
        LoadData(data),
        RemapLabels(data),
    ]
    tasks = l2l.data.Taskset(data, transforms, num_tasks=-1)
    support = (torch.arange(WAYS * (SHOTS + QUERIES)) % (SHOTS + QUERIES)) < SHOTS

    def run(episodes: int) -> float:
        right = 0.0
        with torch.no_grad():
            for _ in range(episodes):
                features, answers = tasks.sample()
                order = answers.argsort(stable=True)
                features, answers = features[order], answers[order]
                classifier = l2l.nn.PrototypicalClassifier(features[support], answers[support])
                right += (
                    (classifier(features[~support]).argmax(1) == answers[~support])
                    .float()
                    .mean()
                    .item()
                )
        return right / episodes

    return run


def same_up_to_ties(embeddings_MD: np.ndarray, classifier) -> None:
    """Our predictions are easyfsl's on the same 300 episodes, but where two distances differ by less than 1e-6."""
    episodes = DrawnEpisodes(POOL, WAYS, SHOTS, QUERIES, "benchmark").draw(0, 300)
    mine = nearest_ways(embeddings_MD, episodes).reshape(300, -1)
    features, labels = torch.from_numpy(embeddings_MD), torch.arange(WAYS).repeat_interleave(SHOTS)
    for support, query, predicted in zip(
        episodes.support_TNK, episodes.query_TNQ, mine, strict=True
    ):
        classifier.process_support_set(features[support.ravel()], labels)
        scores = classifier(features[query.ravel()])
        best = scores.max(1).values
        chosen = scores.gather(1, torch.from_numpy(predicted).long()[:, None])[:, 0]
        assert ((best - chosen) <= 1e-6 * best.abs()).all()


@pytest.mark.parametrize("features", [512, 2048])
def test_episodes(features: int, table):
    data = embeddings(features)
    run_easyfsl, classifier = easyfsl(data)
    run_learn2learn = learn2learn(data)
    same_up_to_ties(data, classifier)
    pairs = products_of(data)
    rates = table.interleaved(
        {
            "ours": (lambda: ours(data), EPISODES),
            "without the product": (lambda: ours(data, pairs), EPISODES),
            "easyfsl 1.5.0": (lambda: run_easyfsl(PEER_EPISODES), PEER_EPISODES),
            "learn2learn 0.2.0": (lambda: run_learn2learn(PEER_EPISODES), PEER_EPISODES),
        },
        threads=1,
    )
    assert ours(data).mean() == pytest.approx(run_easyfsl(PEER_EPISODES), abs=0.02)
    for peer, goal in (("easyfsl 1.5.0", 100), ("learn2learn 0.2.0", 200)):
        whole, gathers = (rates[name] / rates[peer] for name in ("ours", "without the product"))
        table.add(
            f"episodes a second, D = {features}, times {peer}",
            f"{whole:.0f}x; {gathers:.0f}x without the pairwise product",
            f"{rates['ours']:,.0f} and {rates[peer]:,.0f}",
            f">= {goal}x" if features == 2048 else "",
        )
