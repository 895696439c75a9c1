"""Episodes over groups: no group on both sides, uniform, and the same whoever asks."""

import itertools
import time

import numpy as np
import pytest
from scipy import stats

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import NO_QUERY, Episodes, FixedEpisodes, prefixes
from fewshot_bench.protocols.grouped_episodes import (
    GroupedEpisodes,
    check_groups,
    fewest_queries,
)

POOL = ((0, 30), (40, 25), (65, 40), (105, 28))
NAMES = ("a", "b", "c", "d")
SIZES = [count for _, count in POOL]
# about 3 images a group; classes share some
GROUPS = tuple(np.random.default_rng(0).integers(0, 40, sum(SIZES)).tolist())
GROUP_OF = dict(
    zip(
        itertools.chain(*[range(first, first + count) for first, count in POOL]),
        GROUPS,
        strict=True,
    )
)
PARTS = ("classes_TN", "support_TNK", "query_TNQ")


def drawn(
    queries: int | None = 4, seed: str = "a", shots: int = 2, groups: tuple[int, ...] = GROUPS
) -> GroupedEpisodes:
    return GroupedEpisodes(POOL, 3, shots, queries, seed, groups)


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("queries", [4, None])
def test_no_query_shares_a_group_with_a_support_image_of_any_way(queries: int | None, shots: int):
    episodes = drawn(queries, shots=shots).draw(0, 300)
    for classes, support, query in zip(
        episodes.classes_TN, episodes.support_TNK, episodes.query_TNQ, strict=True
    ):
        assert len(set(classes)) == 3
        used = {GROUP_OF[image] for image in support.ravel()}
        for label, chosen, asked in zip(classes, support, query, strict=True):
            first, count = POOL[label]
            members = set(range(first, first + count))
            asked = asked[asked != NO_QUERY].tolist()
            assert len({GROUP_OF[image] for image in chosen}) == shots
            assert set(chosen) <= members
            assert len(set(asked)) == len(asked)
            free = {image for image in members if GROUP_OF[image] not in used}
            assert set(asked) <= free
            assert len(asked) == (4 if queries else len(free))


@pytest.mark.parametrize("queries", [4, None])
def test_an_episode_does_not_depend_on_how_many_are_drawn_or_from_where(
    queries: int | None, monkeypatch: pytest.MonkeyPatch
):
    whole = drawn(queries).draw(0, 50)
    part = drawn(queries).draw(17, 23)
    monkeypatch.setattr("fewshot_bench.protocols.grouped_episodes.TABLE", 300)
    in_blocks = drawn(queries).draw(0, 50)
    for name in PARTS:
        assert np.array_equal(getattr(whole, name)[17:23], getattr(part, name))
        assert np.array_equal(getattr(whole, name), getattr(in_blocks, name))


def test_known_episodes_never_change():
    """A change here makes every published record impossible to check: raise the protocol's version instead."""
    assert prefixes(drawn(), 1000)[1000] == "718c8de7b12ed6da4397fb192fcbb406"
    assert prefixes(drawn(None), 1000)[1000] == "af37f0c4d0628823eab075e53ca44765"


def test_episodes_depend_on_every_part_of_their_key():
    base = drawn().draw(0, 20)
    others = [drawn(seed="b"), drawn(groups=(99, *GROUPS[1:])), drawn(queries=5), drawn(shots=3)]
    for other in others:
        support = other.draw(0, 20).support_TNK[:, :, :2]
        assert not np.array_equal(base.support_TNK, support)


SMALL_POOL = ((0, 7), (7, 7))
# groups of 3, 1, 2 and 1 images; of 2, 2, 2 and 1
SMALL_GROUPS = (0, 0, 0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7)


def test_groups_images_and_queries_are_uniform():
    """By chi-square tests: groups, an image of each, and queries among the images that are left."""
    episodes = GroupedEpisodes(SMALL_POOL, 2, 2, 1, "u", SMALL_GROUPS).draw(0, 40_000)
    groups = np.array(SMALL_GROUPS)
    support, query = episodes.support_TNK, episodes.query_TNQ
    pairs = groups[support[:, :, 0]] * 8 + groups[support[:, :, 1]]
    counts = np.bincount(pairs.ravel(), minlength=64)
    assert (counts > 0).sum() == 2 * 4 * 3
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-4
    for place in range(2):
        images = support[:, :, place].ravel()
        for group in (0, 2, 4, 5, 6):  # those of several images
            counts = np.bincount(images, minlength=14)[groups == group]
            assert stats.chisquare(counts).pvalue > 1e-4
    # where the support is of groups 1 and 3, images 0, 1, 2, 4 and 5 are left
    taken = np.sort(groups[support], axis=2)
    is_one_and_three = (taken == [1, 3]).all(2)
    counts = np.bincount(query[is_one_and_three].ravel(), minlength=14)
    assert np.flatnonzero(counts).tolist() == [0, 1, 2, 4, 5]
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-4


def test_orders_of_queries_are_uniform():
    episodes = GroupedEpisodes(SMALL_POOL, 2, 1, 2, "o", SMALL_GROUPS).draw(0, 40_000)
    is_alone = episodes.support_TNK[:, :, 0] == 3  # its group has no other image
    first, second = episodes.query_TNQ[is_alone].T
    counts = np.bincount(first * 14 + second, minlength=196)
    assert (counts > 0).sum() == 6 * 5
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-4


def test_drawing_is_fast():
    rng = np.random.default_rng(0)
    pool = ((0, 300), (300, 300), (600, 300))
    source = GroupedEpisodes(pool, 3, 5, 15, "a", tuple(rng.integers(0, 100, 900).tolist()))
    start = time.perf_counter()
    source.draw(0, 2000)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(("ways", "shots"), [(2, 1), (3, 1), (3, 2), (2, 3)])
def test_the_worst_case_is_never_exceeded(ways: int, shots: int):
    """Against all choices of groups, on a small pool in which classes share groups."""
    pool = ((0, 9), (9, 8), (17, 7))
    groups = (0, 0, 0, 1, 1, 2, 3, 4, 5, 0, 0, 6, 6, 7, 8, 9, 1, 2, 10, 11, 0, 12, 12, 13)
    ends = np.cumsum([0, 9, 8, 7])
    parts = [groups[start:end] for start, end in itertools.pairwise(ends)]
    fewest = fewest_queries(pool, groups, ways, shots)
    for label, part in enumerate(parts):
        others = [other for other in range(3) if other != label]
        least = len(part)
        for chosen in itertools.combinations(others, ways - 1):
            choices = [
                list(itertools.combinations(sorted(set(parts[way])), shots))
                for way in (label, *chosen)
            ]
            for taken in itertools.product(*choices):
                used = set(itertools.chain(*taken))
                least = min(least, sum(group not in used for group in part))
        assert fewest[label] <= least
        if (ways, shots) == (2, 1):  # else it is a bound: not every choice of groups can be drawn
            assert fewest[label] == least


def test_a_class_with_too_few_groups_is_told_with_what_it_has_and_the_remedy():
    check_groups(NAMES, POOL, GROUPS, 3, 2, 4)
    pool, groups = ((0, 6), (6, 20)), (0, 0, 1, 1, 2, 2, *range(3, 23))
    check_groups(("x", "y"), pool, groups, 2, 2, 2)
    with pytest.raises(
        UserError,
        match=r"class 'x' has 3 groups with 6 images: 2 shots in 2 ways can take the groups of 4 "
        r"of them, which leaves 2, and 3 queries are needed; ask for fewer --shots or --queries, "
        r"or --queries all",
    ):
        check_groups(("x", "y"), pool, groups, 2, 2, 3)
    check_groups(("x", "y"), pool, groups, 2, 2, None)
    with pytest.raises(UserError, match=r"leaves 0, and 1 query is needed; ask for fewer --shots"):
        check_groups(("x", "y"), pool, groups, 2, 3, None)
    # groups that the other way can take are gone too
    shared = (0, 0, 1, 1, 2, 2, 0, 1, *range(3, 21))
    with pytest.raises(UserError, match=r"class 'x' has 3 groups with 6 images.*leaves 0"):
        check_groups(("x", "y"), pool, shared, 2, 2, None)


def test_episodes_of_a_file_are_refused_where_support_and_query_share_a_group():
    episodes = drawn().draw(0, 10)
    assert FixedEpisodes(episodes).fault(POOL, 3, 2, GROUPS) == ""
    query = episodes.query_TNQ.copy()
    support = episodes.support_TNK
    used = {GROUP_OF[image] for image in support[7].ravel()}
    first, count = POOL[episodes.classes_TN[7, 1]]
    beside = [
        image
        for image in range(first, first + count)
        if GROUP_OF[image] in used and image not in support[7] and image not in query[7]
    ]
    query[7, 1, 2] = beside[0]
    fixed = FixedEpisodes(Episodes(episodes.classes_TN, support, query))
    assert fixed.fault(POOL, 3, 2) == ""
    assert "episode 7 share a group" in fixed.fault(POOL, 3, 2, GROUPS)
