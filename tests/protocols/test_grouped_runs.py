"""Runs over groups: a group is on one side, counts are exact, and larger train sizes hold smaller ones."""

import numpy as np
import pytest
from scipy import stats

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import in_data_set
from fewshot_bench.protocols.grouped_runs import GroupedRuns
from fewshot_bench.protocols.split import Size

KEY = "5" * 64
POOL = ((0, 40), (40, 25), (65, 31))
NAMES = ("a", "b", "c")
# about 3 images a group; classes share some
GROUPS = tuple(np.random.default_rng(0).integers(0, 32, 96).tolist())
GROUP_OF = in_data_set(POOL, GROUPS)


def drawn(
    train: Size = 5,
    test: Size | None = None,
    references: int = 50,
    key: str = KEY,
    groups: tuple[int, ...] = GROUPS,
) -> GroupedRuns:
    return GroupedRuns(POOL, train, test, references, key, groups, NAMES)


@pytest.mark.parametrize(("train", "test"), [(5, None), (0.5, None), (5, 19), (5, 0.2), (0.5, 0.2)])
def test_no_group_is_on_both_sides_and_counts_are_exact(train: Size, test: Size | None):
    source = drawn(train, test)
    for run in range(6):
        trained = source.train_images(run)
        episode = source.draw(run, run + 1)
        tested = episode.query_TNQ[episode.is_query_TNQ]
        assert not set(GROUP_OF[trained]) & set(GROUP_OF[tested])
        assert len(np.unique(trained)) == len(trained)
        assert len(np.unique(tested)) == len(tested)
        assert set(episode.support_TNK.ravel()) <= set(trained)
        for label, (first, count) in enumerate(POOL):
            here = (trained >= first) & (trained < first + count)
            assert here.sum() == source.train_counts[label]
            queries = episode.query_TNQ[0, label][episode.is_query_TNQ[0, label]]
            assert ((queries >= first) & (queries < first + count)).all()
            if test is not None:
                assert len(queries) == source.test_counts[label]
        if test is None:
            # tested are all images of groups that are not trained on
            is_apart = ~np.isin(GROUP_OF[:96], GROUP_OF[trained])
            assert np.sort(tested).tolist() == np.flatnonzero(is_apart).tolist()
            assert source.left_out(run) == 96 - len(trained) - len(tested)
        else:
            assert source.left_out(run) == 0


def test_whole_groups_that_fit_leave_nothing_out():
    groups = tuple(np.arange(96) // 5)
    pool = ((0, 40), (40, 25), (65, 30))
    source = GroupedRuns(pool, 10, None, 50, KEY, groups[:95], NAMES)
    assert [source.left_out(run) for run in range(5)] == [0] * 5


def test_a_larger_train_size_holds_the_smaller_one_and_a_given_test_set_stays():
    for test in (0.2, None):
        small = drawn(4, test)
        large = drawn(9, test)
        for run in range(5):
            assert set(small.train_images(run)) < set(large.train_images(run))
            if test is not None:
                one = small.draw(run, run + 1).query_TNQ
                assert np.array_equal(one, large.draw(run, run + 1).query_TNQ)


def test_a_run_depends_on_its_number_key_and_groups_alone():
    together = drawn().draw(0, 6)
    for run in range(6):
        alone = drawn().draw(run, run + 1)
        assert np.array_equal(alone.query_TNQ[0], together.query_TNQ[run])
        assert np.array_equal(alone.support_TNK[0], together.support_TNK[run])
    assert len({drawn().train_images(run).tobytes() for run in range(6)}) == 6
    assert not np.array_equal(drawn().train_images(0), drawn(key="6" * 64).train_images(0))


def test_known_runs_never_change():
    """A change here makes every published record impossible to check: raise the protocol's version instead."""
    assert drawn().train_images(3).tolist() == [
        14,
        17,
        18,
        26,
        35,
        43,
        53,
        54,
        55,
        64,
        75,
        78,
        83,
        87,
        91,
    ]


def test_groups_and_images_within_them_are_uniform():
    """Groups of 4 images; of each class 2 images are trained on, which are of one group."""
    groups = tuple(np.repeat(np.arange(24), 4))
    pool = ((0, 32), (32, 32), (64, 32))
    source = GroupedRuns(pool, 2, None, 50, KEY, groups, NAMES)
    trained = np.array([source.train_images(run) for run in range(3000)])
    of_groups = np.array(groups)[trained]
    assert (of_groups[:, 0::2] == of_groups[:, 1::2]).all()
    for label in range(3):
        counts = np.bincount(trained[:, 2 * label : 2 * label + 2].ravel(), minlength=96)
        assert stats.chisquare(counts[32 * label : 32 * label + 32]).pvalue > 1e-4


def test_references_are_spread_over_the_groups_of_the_train_images():
    groups = tuple(np.repeat(np.arange(32), 3))
    pool = ((0, 32), (32, 32), (64, 32))
    source = GroupedRuns(pool, 20, None, 5, KEY, groups, NAMES)
    (support_NK,) = source.draw(0, 1).support_TNK
    for references in support_NK:
        assert len(set(np.array(groups)[references])) == 5
    whole = GroupedRuns(pool, 5, None, 50, KEY, groups, NAMES)
    (support_NK,) = whole.draw(0, 1).support_TNK
    assert np.sort(support_NK.ravel()).tolist() == np.sort(whole.train_images(0)).tolist()


@pytest.mark.parametrize(
    ("train", "test", "groups", "message"),
    [
        (20, None, (0,) * 40 + GROUPS[40:], r"class 'a' \(40 images in 1 groups\) has 20 of 20 "),
        (0.8, 0.2, GROUPS, r"run 0: class '.' .* has \d+ of \d+ images to train on and \d+ of "),
    ],
)
def test_a_class_with_too_few_images_on_a_side_is_told(
    train: Size, test: Size | None, groups: tuple[int, ...], message: str
):
    with pytest.raises(UserError, match=message) as error:
        drawn(train, test, groups=groups).draw(0, 1)
    assert "choose smaller sizes with --train-per-class" in str(error.value)


def test_sizes_that_do_not_fit_the_class_are_told_as_without_groups():
    with pytest.raises(UserError, match="does not fit a class of 25 images"):
        drawn(30)
