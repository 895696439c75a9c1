"""Pairs of images: half of one class, dealt in equal parts, none twice, none within a group."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from fewshot_bench import LabelledImages, Pairs
from fewshot_bench.data.labelled import group_by_class
from fewshot_bench.errors import UserError
from fewshot_bench.planning.episode_sets import episode_sets
from fewshot_bench.protocols.drawn_pairs import DrawnPairs, Turns, most_pairs
from fewshot_bench.protocols.stored import protocol_of

NAMES = ["a", "b", "c", "d", "e", "f"]
HELD_OUT = Pairs(name="d-pairs", dataset="d", test_classes=("a", "b", "c"), pairs=60)


def images(each: int = 10, width: int = 8) -> LabelledImages:
    labels = np.repeat(np.arange(len(NAMES)), each)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 8, width), dtype=np.uint8)
    files = [f"{NAMES[label]}/{number}.png" for number, label in enumerate(labels)]
    return group_by_class("d", pixels, labels.tolist(), NAMES, files)


DATA = images()


def drawn(protocol: Pairs, data: LabelledImages = DATA) -> np.ndarray:
    """The images of each pair (P, 2)."""
    (episode_set,) = episode_sets(protocol.over(data, None, None), data)
    pairs = episode_set.source.draw(0, episode_set.episodes)
    return np.concatenate([pairs.support_TNK, pairs.query_TNQ], axis=2)[:, 0]


def test_half_of_the_pairs_are_of_one_class_in_equal_parts():
    image_P2 = drawn(HELD_OUT)
    counts = Counter(tuple(sorted(labels)) for labels in DATA.labels[image_P2].tolist())
    assert counts == dict.fromkeys([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)], 10)
    labels_P2 = DATA.labels[image_P2]
    assert (labels_P2[:, 0] < labels_P2[:, 1]).any()
    assert (labels_P2[:, 0] > labels_P2[:, 1]).any()


def test_no_pair_comes_twice_even_where_all_are_drawn():
    most = most_pairs(((0, 1, 2, 3), (4, 5, 6, 7)))
    assert most == 24  # 6 + 6 of one class, 16 of two, of which as many are taken
    pairs = DrawnPairs(((0, 1, 2, 3), (4, 5, 6, 7)), most, "0" * 32).draw(0, most)
    images_P2 = np.sort(np.stack([pairs.support_TNK.ravel(), pairs.query_TNQ.ravel()]), axis=0)
    assert len(set(zip(*images_P2.tolist(), strict=True))) == most
    assert (images_P2[0] != images_P2[1]).all()


def test_every_pair_is_drawn_equally_often():
    classes = ((0, 1, 2, 3), (4, 5, 6))
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(600):
        pairs = DrawnPairs(classes, 4, f"{seed:032x}").draw(0, 4)
        both = np.sort(np.stack([pairs.support_TNK.ravel(), pairs.query_TNQ.ravel()]), axis=0)
        counts.update(zip(*both.tolist(), strict=True))
    of_first = [counts[pair] for pair in counts if max(pair) < 4]
    of_two = [counts[pair] for pair in counts if min(pair) < 4 <= max(pair)]
    assert len(of_first) == 6
    assert len(of_two) == 12
    assert 70 < min(of_first) <= max(of_first) < 135  # 100 expected
    assert 65 < min(of_two) <= max(of_two) < 140


def test_fewer_pairs_than_kinds_favour_no_class():
    classes = tuple(tuple(range(first, first + 5)) for first in range(0, 50, 5))
    counts: Counter[int] = Counter()
    for seed in range(200):
        pairs = DrawnPairs(classes, 10, f"{seed:032x}").draw(0, 10)
        both = np.stack([pairs.support_TNK.ravel(), pairs.query_TNQ.ravel()]) // 5
        counts.update(both[:, both[0] != both[1]].ravel().tolist())
    assert 150 < min(counts.values()) <= max(counts.values()) < 250  # 200 expected


def test_images_of_one_group_are_no_pair():
    groups = tuple(number // 2 for number in range(10)) * 2
    classes = (tuple(range(10)), tuple(range(10, 20)))
    assert most_pairs(classes, groups) == 2 * min(2 * 40, 80)
    pairs = DrawnPairs(classes, 160, "0" * 32, groups).draw(0, 160)
    of_image = np.array(groups)
    assert (of_image[pairs.support_TNK] != of_image[pairs.query_TNQ]).all()


def test_the_pairs_depend_on_seed_number_and_turns_and_on_nothing_else():
    first = drawn(HELD_OUT)
    np.testing.assert_array_equal(first, drawn(HELD_OUT))
    for changes in ({"episode_seed": 1}, {"turned": False}):
        other = drawn(dataclasses.replace(HELD_OUT, **changes))  # type: ignore[arg-type]
        assert not np.array_equal(first, other)


def test_an_image_is_turned_the_same_way_in_all_of_its_pairs():
    turns = Turns("0" * 32)
    of_all = turns.of(np.arange(800))
    np.testing.assert_array_equal(turns.of(np.array([700, 3])), of_all[[700, 3]])
    assert np.bincount(of_all).min() > 70  # 100 of each expected
    assert not Turns("").of(np.arange(5)).any()


def test_train_pairs_are_of_train_images_alone():
    settled = HELD_OUT.over(DATA, None, None)
    source = settled.train_pairs(DATA)
    pairs = source.draw(0, source.pairs)
    labels = DATA.labels[[pairs.support_TNK.ravel(), pairs.query_TNQ.ravel()]]
    assert source.pairs == 60
    assert set(labels.ravel().tolist()) == {3, 4, 5}


@pytest.mark.parametrize(("each", "train"), [(10, ["d"]), (1, ["d", "e", "f"])])
def test_no_pairs_of_a_single_train_class_or_image(each: int, train: list[str]):
    labels = np.repeat(np.arange(6), [10, 10, 10, each, each, each])
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 8, 8), dtype=np.uint8)
    files = [f"{number}.png" for number in range(len(labels))]
    data = group_by_class("d", pixels, labels.tolist(), NAMES, files)
    settled = HELD_OUT.over(data, train, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"two classes|no pair of images"):
        settled.train_pairs(data)


def test_a_record_reads_the_protocol_back():
    settled = HELD_OUT.over(DATA, None, None)
    assert protocol_of(settled.as_dict()) == settled
    assert settled.as_dict()["kind"] == "pairs"


def test_classes_named_by_the_user_give_it_another_name():
    assert HELD_OUT.over(DATA, None, ["e", "f"]).name == "d-custom-pairs"
    assert HELD_OUT.over(DATA, None, ["a", "b", "c"]).name == "d-pairs"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pairs": 7}, "pairs=7 is odd"),
        ({"pairs": 0}, "pairs=0 is out of bounds"),
        ({"pairs": 70_000}, "pairs=70000 is out of bounds"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes: dict[str, int], text: str):
    with pytest.raises(UserError, match=text):
        dataclasses.replace(HELD_OUT, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "pairs", "test", "text"),
    [
        (DATA, 400, None, "400 pairs are more than the test classes .a, b, c. have: 270"),
        (DATA, 60, ["a"], "1 test classes .a. .allowed: 2 to"),
        (DATA, 60, NAMES, "no class of d is left to train on"),
        (images(width=10), 60, None, "10 x 8 pixels cannot be turned"),
    ],
)
def test_data_that_does_not_fit_is_refused(
    data: LabelledImages, pairs: int, test: list[str] | None, text: str
):
    with pytest.raises(UserError, match=text):
        dataclasses.replace(HELD_OUT, pairs=pairs).over(data, None, test)
