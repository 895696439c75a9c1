"""Protocols whose queries may be of known classes, or of classes without references."""

import dataclasses
import json

import numpy as np
import pytest

from fewshot_bench import FewShot, LabelledImages
from fewshot_bench.data.labelled import group_by_class
from fewshot_bench.errors import UserError
from fewshot_bench.planning.episode_sets import EpisodeSet, episode_sets
from fewshot_bench.protocols.open_queries import held_out
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.protocols.stored import protocol_of

NAMES = ["a", "b", "c", "d", "e", "f"]
TEST = ("a", "b", "c")
PLAIN = FewShot(
    name="d-held", dataset="d", test_classes=TEST, ways=2, shots=(1, 3), queries=4, episodes=50
)


def images(sizes: dict[str, int] | None = None) -> LabelledImages:
    """Random images, 10 of each class but for those in `sizes`."""
    counts = dict.fromkeys(NAMES, 10) | (sizes or {})
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 8, 8), dtype=np.uint8)
    files = [f"{NAMES[label]}/{number}.png" for number, label in enumerate(labels)]
    return group_by_class("d", pixels, labels.tolist(), NAMES, files)


DATA = images()


def open_world(**changes: object) -> OpenWorld:
    fields = {field.name: getattr(PLAIN, field.name) for field in dataclasses.fields(PLAIN)}
    values = {**fields, "known": ("all",), "open_set": True, **changes}
    return OpenWorld(**values)  # type: ignore[arg-type]


def first_set(protocol: FewShot, data: LabelledImages = DATA) -> EpisodeSet:
    return episode_sets(protocol.over(data, None, None), data)[0]


def classes_of(indices: np.ndarray) -> set[str]:
    return {DATA.class_names[label] for label in DATA.labels[indices.ravel()].tolist()}


def test_ways_references_and_queries_are_those_of_the_plain_protocol():
    plain = first_set(PLAIN).source.draw(0, 50)
    opened = first_set(open_world()).source.draw(0, 50)
    assert (plain.classes_TN == opened.classes_TN).all()
    assert (plain.support_TNK == opened.support_TNK).all()
    assert (plain.query_TNQ == opened.query_TNQ).all()


def test_known_queries_are_held_out_images_of_their_class():
    opened = first_set(open_world())
    episodes = opened.source.draw(0, 50)
    assert episodes.known_TMQ is not None
    assert episodes.known_TMQ.shape == (50, 3, 2)  # a fifth of 10 images
    for number, name in enumerate(["d", "e", "f"]):
        assert classes_of(episodes.known_TMQ[:, number]) == {name}
    asked = np.unique(episodes.known_TMQ)
    assert not np.isin(asked, opened.split.train).any()
    assert np.isin(asked, opened.split.embedded).all()
    assert len(opened.split.train) == 3 * 8
    assert opened.protocol.train_classes == ("d", "e", "f")


def test_queries_without_references_are_of_the_classes_that_are_no_ways():
    episodes = first_set(open_world()).source.draw(0, 50)
    assert episodes.unknown_TU is not None
    assert episodes.unknown_TU.shape == (50, 4)
    for classes_N, unknown_U in zip(episodes.classes_TN, episodes.unknown_TU, strict=True):
        ways = {TEST[label] for label in classes_N}
        assert classes_of(unknown_U) == set(TEST) - ways
        assert len(set(unknown_U.tolist())) == 4


def test_an_episode_is_the_same_whoever_draws_it():
    source = first_set(open_world()).source
    together = source.draw(0, 50)
    alone = source.draw(17, 18)
    assert (together.all_queries_TA[17] == alone.all_queries_TA[0]).all()


def test_each_episode_has_its_own_known_queries():
    source = first_set(open_world(held_out=0.5, queries=2)).source
    episodes = source.draw(0, 50)
    assert episodes.known_TMQ is not None
    assert len(np.unique(episodes.known_TMQ, axis=0)) > 10


def test_held_out_images_depend_on_no_other_class():
    every = first_set(open_world()).source.draw(0, 50)
    one = first_set(open_world(known=("e",))).source.draw(0, 50)
    assert every.known_TMQ is not None
    assert one.known_TMQ is not None
    assert set(one.known_TMQ.ravel()) == set(every.known_TMQ[:, 1].ravel())


def test_classes_smaller_than_the_number_of_queries_end_in_padding():
    data = images({"d": 5})
    episodes = first_set(open_world(held_out=0.4), data).source.draw(0, 5)
    assert episodes.known_TMQ is not None
    assert (episodes.known_TMQ >= 0).sum(2).tolist() == [[2, 4, 4]] * 5


@pytest.mark.parametrize(("ways", "share"), [(2, 0.2), (3, 0.5)])
def test_all_queries(ways: int, share: float):
    is_open = ways == 2
    protocol = open_world(queries=None, ways=ways, held_out=share, open_set=is_open)
    episodes = first_set(protocol).source.draw(0, 3)
    assert episodes.known_TMQ is not None
    assert episodes.unknown_TU is not None
    assert episodes.known_TMQ.shape == (3, 3, 10 * share)
    assert episodes.unknown_TU.shape == (3, 10 if is_open else 0)


def test_the_digest_covers_the_further_queries():
    opened = first_set(open_world())
    assert opened.digest != first_set(PLAIN).digest
    assert opened.digest != first_set(open_world(known=("e",))).digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ways": 3}, "--open-set needs test classes that are no ways, and ways=3 takes all 3"),
        ({"known": ("x",)}, "unknown known class of d 'x'"),
        ({"known": ("a",)}, r"known class 'a' is a test class \(allowed: d, e, f\)"),
        ({"known": ("all", "d")}, "names classes beside 'all'"),
        ({"known": ("d", "d")}, "named twice"),
        ({"held_out": 1.0}, "held_out=1.0 is out of bounds"),
    ],
)
def test_what_cannot_be_asked(changes: dict[str, object], message: str):
    with pytest.raises(UserError, match=message):
        open_world(**changes).over(DATA, None, None)


def test_a_known_class_of_one_image():
    with pytest.raises(UserError, match="known class 'd' has fewer than two images"):
        open_world().over(images({"d": 1}), None, None)


def test_a_protocol_comes_back_from_json():
    protocol = open_world().over(DATA, None, None)
    assert protocol_of(json.loads(json.dumps(protocol.as_dict()))) == protocol


def test_whole_groups_are_held_out():
    groups = np.repeat(np.arange(5), 4)
    held = held_out(np.arange(100, 120), groups.tolist(), 0.4, "0" * 32)
    assert len(held) == 8
    assert len(set(groups[held - 100])) == 2


def test_two_images_are_held_out_where_there_are_three():
    sizes = [len(held_out(np.arange(size), (), 0.2, "0" * 32)) for size in (2, 3, 5, 10, 20)]
    assert sizes == [1, 2, 2, 2, 4]


def test_one_group_is_left_to_train_on():
    groups = [0] * 19 + [1]
    held = held_out(np.arange(20), groups, 0.9, "0" * 32)
    assert len(held) in (1, 19)


def test_no_group_is_both_trained_on_and_asked_about():
    groups = np.arange(len(DATA)) // 2
    data = dataclasses.replace(DATA, groups=groups, group_by="pairs")
    opened = first_set(open_world(shots=(1,), queries=2), data)
    trained = groups[opened.split.train]
    asked = groups[opened.split.embedded]
    assert not np.isin(trained, asked).any()


def test_no_query_shares_a_group_with_a_reference():
    # groups over classes: a, b and d share some, and so do c and e
    groups = np.arange(len(DATA)) % 10 + 10 * (np.arange(len(DATA)) // 10 % 3 == 2)
    groups[DATA.labels >= 3] += np.where(np.arange(30) % 10 < 4, 0, 100)
    data = dataclasses.replace(DATA, groups=groups, group_by="shared")
    opened = first_set(open_world(shots=(2,), queries=3), data)
    episodes = opened.source.draw(0, 50)
    assert episodes.unknown_TU is not None
    assert (episodes.unknown_TU >= 0).any(1).all()
    for support_NK, queries_A in zip(episodes.support_TNK, episodes.all_queries_TA, strict=True):
        asked = queries_A[queries_A >= 0]
        assert not np.isin(groups[asked], groups[support_NK]).any()


def test_splits_have_all_train_classes_as_known_ones():
    splits = open_world().over(DATA, None, None).splits(DATA)
    assert len(splits) == 20
    for split in splits:
        assert split.known == split.train_classes
    with pytest.raises(UserError, match="names classes that some splits hold out"):
        open_world(known=("d",)).over(DATA, None, None).splits(DATA)
