"""Train images that lose their label: how many, which, and that nothing else changes."""

import dataclasses

import numpy as np
import pytest

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.protocols.protocol import Classification, FewShot, Protocol
from fewshot_bench.protocols.split import Split
from fewshot_bench.protocols.stored import protocol_of
from fewshot_bench.protocols.unlabelled import in_random_order, labelled_counts
from fewshot_bench.seeds import digest

TEST = ("class3", "class4", "class5")


def few_shot(data: LabelledImages, share: float) -> FewShot:
    blank = FewShot(name="blobs", dataset="blobs", queries=5, unlabelled=share)
    return blank.over(data, None, TEST)


def open_world(data: LabelledImages, share: float) -> FewShot:
    blank = OpenWorld(name="blobs", dataset="blobs", queries=5, known=("all",), unlabelled=share)
    return blank.over(data, None, TEST)


def classification(data: LabelledImages, share: float) -> Classification:
    blank = Classification(
        name="blobs", dataset="blobs", train_sizes=(0.6, 10), runs=2, unlabelled=share
    )
    return blank.over(data)


def pairs(data: LabelledImages, share: float) -> Pairs:
    blank = Pairs(name="blobs", dataset="blobs", pairs=60, unlabelled=share)
    return blank.over(data, None, TEST)


KINDS = (few_shot, open_world, pairs, classification)


def splits(protocol: FewShot | Classification, data: LabelledImages) -> list[Split]:
    return [protocol.split(data, condition, run) for condition, run in protocol.conditions]


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_of_each_class_loses_its_label_and_is_never_tested(
    blobs: LabelledImages, kind: object
):
    all_labels = splits(kind(blobs, 0), blobs)  # type: ignore[operator]
    partly = splits(kind(blobs, 0.25), blobs)  # type: ignore[operator]
    for before, after in zip(all_labels, partly, strict=True):
        assert len(before.unlabelled) == 0
        together = np.concatenate([after.train, after.unlabelled])
        assert sorted(together) == sorted(before.train)
        sizes = np.bincount(blobs.labels[before.train])
        lost = np.bincount(blobs.labels[after.unlabelled], minlength=len(sizes))
        assert lost.tolist() == np.floor(0.25 * sizes + 0.5).tolist()
        asked = set(before.embedded)
        if kind is classification:
            # what is compared with train images is compared with labelled ones
            asked -= set(before.train)
            assert not set(after.unlabelled) & set(after.embedded)
        assert not set(after.unlabelled) & asked
        assert (np.diff(blobs.labels[after.train]) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_images_does_not_tell_their_classes(blobs: LabelledImages, kind: object):
    for split in splits(kind(blobs, 0.5), blobs):  # type: ignore[operator]
        labels = blobs.labels[split.unlabelled]
        changes = int((np.diff(labels) != 0).sum())
        # in order there would be one change fewer than classes
        assert changes > len(set(labels.tolist()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_share_holds_a_smaller_one_and_draws_depend_on_the_seed(
    blobs: LabelledImages, kind: object
):
    small = splits(kind(blobs, 0.25), blobs)  # type: ignore[operator]
    large = splits(kind(blobs, 0.5), blobs)  # type: ignore[operator]
    reseeded = dataclasses.replace(kind(blobs, 0.25), episode_seed=1)  # type: ignore[operator]
    for less, more, other in zip(small, large, splits(reseeded, blobs), strict=True):
        assert set(less.unlabelled) < set(more.unlabelled)
        assert set(less.unlabelled) != set(other.unlabelled)


def test_runs_take_other_labels_and_the_tested_images_stay(blobs: LabelledImages):
    first, second = splits(classification(blobs, 0.5), blobs)[:2]
    assert set(first.unlabelled) != set(second.unlabelled)
    condition, run = 0.6, 1
    queries = []
    for share in (0.0, 0.5):
        protocol = classification(blobs, share)
        source = protocol.drawn(blobs.digest, protocol.pool(blobs), condition)
        queries.append(source.draw(run, run + 1).query_TNQ)
    assert np.array_equal(*queries)


@pytest.mark.parametrize("kind", KINDS)
def test_a_protocol_is_kept_and_read_and_without_a_share_it_is_as_before(
    blobs: LabelledImages, kind: object
):
    with_all: Protocol = kind(blobs, 0)  # type: ignore[operator]
    partly: Protocol = kind(blobs, 0.5)  # type: ignore[operator]
    assert "unlabelled" not in with_all.as_dict()
    for protocol in (with_all, partly):
        assert protocol_of(protocol.as_dict()) == protocol


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_share_is_refused(blobs: LabelledImages, kind: object, share: float):
    with pytest.raises(UserError, match=rf"--unlabelled {share:g} is out of bounds .allowed: more"):
        kind(blobs, share)  # type: ignore[operator]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("share", "message"),
    [(0.98, r"leaves a class of \d+ train images no labelled one"), (0.001, "label of no image")],
)
def test_a_share_that_leaves_no_label_or_takes_none_is_refused(
    blobs: LabelledImages, kind: object, share: float, message: str
):
    with pytest.raises(UserError, match=message):
        splits(kind(blobs, share), blobs)  # type: ignore[operator]


def test_halves_are_rounded_up():
    assert labelled_counts([5, 4], 0.5) == [2, 2]
    with pytest.raises(UserError, match="leaves a class of 1 train images no labelled one"):
        labelled_counts([5, 1], 0.5)


def test_every_order_occurs():
    orders = {tuple(in_random_order(np.arange(3), digest(key))) for key in range(100)}
    assert len(orders) == 6
