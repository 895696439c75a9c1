"""Data sets put together: sizes, channels, names, groups, boxes, copies and notes of each part."""

import dataclasses

import numpy as np
import pytest

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.mixture import put_together
from fewshot_bench.errors import UserError

pytestmark = pytest.mark.usefixtures("empty_cache")


def part(
    name: str, side: int = 8, channels: int = 1, seed: int = 0, shorts: str = "AB"
) -> LabelledImages:
    """Two classes, `dent` and `rust`, of three images of noise each; the last one is a copy."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (6, channels, side, side), dtype=np.uint8)
    images[5] = images[4]
    return group_by_class(
        name,
        images,
        [0, 0, 0, 1, 1, 1],
        ["dent", "rust"],
        [f"{number}.png" for number in range(6)],
        notes=["a note"],
        abbreviations={shorts[0]: "dent", shorts[1]: "rust"},
    )


def test_classes_files_copies_and_notes_name_their_part():
    whole = put_together([part("one"), part("two", seed=1)])
    assert whole.name == "one+two"
    assert whole.class_names == ("one/dent", "one/rust", "two/dent", "two/rust")
    assert np.bincount(whole.labels).tolist() == [3, 2, 3, 2]
    assert whole.files[:2] == ("one/0.png", "one/1.png")
    assert whole.dropped == (("one/5.png", "one/4.png"), ("two/5.png", "two/4.png"))
    assert whole.notes == ("one: a note", "two: a note")


def test_what_is_not_kept_of_a_part_is_told():
    told = {"composition": (("d",), ("d", "r")), "defects": ("d", "r"), "mask_channel": 2}
    composed = dataclasses.replace(part("one", channels=3), **told)
    second = dataclasses.replace(part("two", channels=3, seed=1), **told)
    alike = put_together([composed, second])
    assert alike.mask_channel == 2
    assert alike.composition == ()
    assert any("what those of one, two are made of is not kept" in note for note in alike.notes)
    other = put_together([composed, part("two", channels=3, seed=1)])
    assert other.mask_channel is None
    assert any("a channel of one says: it is not kept" in note for note in other.notes)


def test_images_get_the_shortest_side_and_the_channels_of_all():
    grey = part("one", side=12)
    colours = part("two", side=8, channels=3)
    whole = put_together([grey, colours])
    assert whole.images.shape == (10, 3, 8, 8)
    # a grey image has three equal channels, and an image of the right size is as it was
    of_grey = whole.images[:5]
    assert (of_grey == of_grey[:, :1]).all()
    np.testing.assert_array_equal(whole.images[5:], colours.images)
    assert whole.notes[-2:] == (
        "all images have 8 x 8 pixels (--set one+two.side sets another side): resized are "
        "one (12 x 12)",
        "all images are RGB: their three channels are equal in one",
    )
    assert put_together([grey, colours], side=10).images.shape == (10, 3, 10, 10)


def test_a_resized_image_keeps_its_picture_and_its_boxes():
    images = np.zeros((2, 1, 16, 16), dtype=np.uint8)
    images[0, :, :8] = 200  # the upper half
    images[1, :, :, :8] = 200  # the left half
    boxes = (np.array([[0, 0, 16, 8]]), np.array([[0, 0, 8, 16]]))
    boxed = group_by_class("boxed", images, [0, 1], ["a", "b"], ["a", "b"], boxes=boxes)
    whole = put_together([boxed, part("plain")])
    assert whole.boxes is not None
    assert whole.boxes[0].tolist() == [[0, 0, 8, 4]]
    assert whole.boxes[1].tolist() == [[0, 0, 4, 8]]
    assert [len(rows) for rows in whole.boxes[2:]] == [0] * 5
    assert whole.images[0, 0, :3].min() == 200
    assert whole.images[0, 0, 5:].max() == 0
    assert put_together([part("one"), part("two", seed=1)]).boxes is None


def test_groups_stay_apart_and_images_without_one_are_a_group_each():
    one = part("one")
    grouped = dataclasses.replace(one, groups=np.array([0, 0, 1, 1, 2]), group_by="plate")
    other = dataclasses.replace(part("two", seed=1), groups=np.zeros(5, int), group_by="wafer")
    whole = put_together([grouped, other, part("three", seed=2)])
    assert whole.groups is not None
    assert whole.groups.tolist() == [0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8]
    assert whole.group_by == "one: plate, two: wafer"
    assert whole.notes[-1].startswith("each image of three is a group of its own")


def test_a_picture_in_two_parts_lies_in_two_classes_and_is_left_out():
    one = part("one")
    two = part("two", seed=1)
    shared = two.images.copy()
    shared[0] = one.images[1]
    whole = put_together([one, dataclasses.replace(two, images=shared, digest="another")])
    assert whole.contradictions == ((("one/1.png", "one/dent"), ("two/0.png", "two/dent")),)
    assert np.bincount(whole.labels).tolist() == [2, 2, 2, 2]
    with pytest.raises(UserError, match="class 'one/dent' of one\\+two has no image of its own"):
        put_together([one, part("two")])


def test_short_names_are_kept_apart():
    whole = put_together([part("one", shorts="Ab"), part("two", seed=1, shorts="aC")])
    # a and A differ in nothing but their case
    assert whole.resolve(["one/A", "b", "two/a", "C"]) == (
        "one/dent",
        "one/rust",
        "two/dent",
        "two/rust",
    )
    assert {"A", "a"}.isdisjoint(whole.abbreviations)


def test_it_is_read_from_the_cache_unless_a_part_changed():
    one = part("one")
    two = part("two", seed=1)
    whole = put_together([one, two])
    assert put_together([one, two]).notes == whole.notes
    noted = dataclasses.replace(two, notes=("another note",))
    assert "two: another note" in put_together([one, noted]).notes
    grouped = dataclasses.replace(two, groups=np.arange(5), group_by="plate")
    assert put_together([one, grouped]).groups is not None
