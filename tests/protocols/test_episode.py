"""Episodes: disjoint, exact counts, uniform, and the same whoever asks and however many are drawn."""

import numpy as np
import pytest
from scipy import stats

from fewshot_bench.protocols.episode import DrawnEpisodes, Episodes, FixedEpisodes, prefixes

POOL = ((0, 30), (30, 25), (55, 40), (95, 28))


def drawn(
    ways: int = 3, shots: int = 2, queries: int | None = 4, seed: str = "a", pool=POOL
) -> DrawnEpisodes:
    return DrawnEpisodes(pool, ways, shots, queries, seed)


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("queries", [4, None])
def test_counts_classes_and_disjointness(queries: int | None, shots: int):
    episodes = drawn(shots=shots, queries=queries).draw(0, 200)
    for classes, support, query in zip(
        episodes.classes_TN, episodes.support_TNK, episodes.query_TNQ, strict=True
    ):
        assert len(set(classes)) == 3
        for label, chosen, asked in zip(classes, support, query, strict=True):
            first, count = POOL[label]
            asked = asked[asked >= 0]
            together = {*chosen, *asked}
            assert len(chosen) == shots
            assert len(asked) == (4 if queries else count - shots)
            assert len(together) == len(chosen) + len(asked)
            assert together <= set(range(first, first + count))


@pytest.mark.parametrize("queries", [4, None])
def test_an_episode_does_not_depend_on_how_many_are_drawn_or_from_where(queries: int | None):
    source = drawn(queries=queries)
    whole, part = source.draw(0, 50), source.draw(17, 23)
    for name in ("classes_TN", "support_TNK", "query_TNQ"):
        assert np.array_equal(getattr(whole, name)[17:23], getattr(part, name))


def test_episodes_depend_on_every_part_of_their_key():
    base = drawn().draw(0, 20)
    for other in (drawn(seed="b"), drawn(pool=((1, 29), *POOL[1:]))):
        assert not np.array_equal(base.support_TNK, other.draw(0, 20).support_TNK)


def test_known_episodes_never_change():
    """A change here makes every published record impossible to check: raise the protocol's version instead."""
    first = drawn().draw(0, 1)
    assert first.classes_TN.tolist() == [[2, 3, 1]]
    assert first.support_TNK.tolist() == [[[57, 81], [116, 109], [44, 53]]]
    assert prefixes(drawn(), 1000)[1000] == "ebb0c7e9ba48934e0c468267b7ec6b6e"


def test_images_and_orders_are_uniform():
    """Every image is equally likely at every place of support and query, by a chi-square test."""
    episodes = drawn(ways=2, shots=3, queries=2, pool=((0, 7), (7, 7))).draw(0, 20_000)
    places = np.concatenate([episodes.support_TNK, episodes.query_TNQ], axis=2)
    for place in range(5):
        counts = np.bincount(places[:, :, place].ravel(), minlength=14)
        assert stats.chisquare(counts).pvalue > 1e-4
    pairs = places[:, 0, 0] * 14 + places[:, 0, 1]
    counts = np.bincount(pairs, minlength=196)
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-4
    assert (counts > 0).sum() == 2 * 7 * 6


def test_orders_of_classes_are_uniform():
    classes = drawn().draw(0, 24_000).classes_TN
    counts = np.bincount(classes @ [16, 4, 1], minlength=64)
    assert (counts > 0).sum() == 4 * 3 * 2
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-4


def test_large_draws_are_made_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch):
    whole = drawn().draw(0, 100)
    monkeypatch.setattr("fewshot_bench.protocols.episode.TABLE", 300)
    assert np.array_equal(whole.support_TNK, drawn().draw(0, 100).support_TNK)


def test_prefix_digests_agree_on_what_two_draws_share():
    short, long = prefixes(drawn(), 100), prefixes(drawn(), 5000)
    assert set(short) == {1, 2, 4, 8, 16, 32, 64, 100}
    assert {mark: long[mark] for mark in short if mark in long} == {
        mark: short[mark] for mark in short if mark in long
    }
    assert short[64] != prefixes(drawn(seed="b"), 100)[64]


def test_fixed_episodes_are_given_back_and_checked():
    episodes = drawn().draw(0, 10)
    fixed = FixedEpisodes(episodes)
    assert prefixes(fixed, 10) == prefixes(drawn(), 10)
    assert fixed.fault(POOL, 3, 2) == ""
    support, query = episodes.support_TNK.copy(), episodes.query_TNQ.copy()
    support[0, 0, 0] = query[0, 0, 0]
    faults = {
        "twice in a class": FixedEpisodes(Episodes(episodes.classes_TN, support, query)).fault(
            POOL, 3, 2
        ),
        "not of its class": FixedEpisodes(Episodes(episodes.classes_TN, support + 40, query)).fault(
            POOL, 3, 2
        ),
        "none of the 3": fixed.fault(POOL[:3], 3, 2),
        "are not (T, 3), (T, 3, 1)": fixed.fault(POOL, 3, 1),
        "a class twice": FixedEpisodes(Episodes(0 * episodes.classes_TN, support, query)).fault(
            POOL, 3, 2
        ),
        "no query": FixedEpisodes(
            Episodes(episodes.classes_TN, episodes.support_TNK, 0 * query - 1)
        ).fault(POOL, 3, 2),
    }
    for expected, fault in faults.items():
        assert expected in fault
