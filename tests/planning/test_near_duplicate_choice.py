"""Near-duplicates are kept, left out or reported, as a request says."""

import numpy as np
import pytest

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import UserError
from fewshot_bench.planning.near_duplicate_choice import chosen_images


@pytest.fixture(scope="module")
def copied() -> LabelledImages:
    """Ten pictures of noise in two classes; two have a mirrored copy, one a copy in both classes."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (16, 16)).astype(np.uint8) for _ in range(10)]
    images = [*noise, np.fliplr(noise[0]), np.fliplr(noise[1]), np.flipud(noise[7])]
    labels = [0] * 5 + [1] * 5 + [0, 0, 0]
    files = [f"{index}.png" for index in range(13)]
    return group_by_class("own", np.stack(images)[:, None], labels, ["dent", "rust"], files)


def test_reported_ones_are_counted_and_stay(copied: LabelledImages):
    chosen = chosen_images(copied, "report")
    assert chosen.data is copied
    assert (chosen.near_duplicates, chosen.dropped) == (2, 0)
    within, across = chosen.notes
    assert "2 of 13 images are near-duplicates" in within
    assert "(dent 2)" in within
    assert "--near-duplicates drop leaves them out" in within
    assert "1 pair of near-duplicates lies in two classes" in across


def test_dropped_ones_are_left_out_of_a_data_set_of_another_name(copied: LabelledImages):
    chosen = chosen_images(copied, "drop")
    assert (chosen.near_duplicates, chosen.dropped) == (2, 2)
    assert (chosen.data.name, len(chosen.data)) == ("own-distinct", 11)
    assert {"10.png", "11.png"}.isdisjoint(chosen.data.files)
    assert {"0.png", "1.png", "7.png", "12.png"} <= set(chosen.data.files)
    assert chosen.data.class_names == copied.class_names
    assert chosen.data.digest != copied.digest
    assert "were left out" in chosen.notes[0]


def test_kept_ones_are_not_searched(copied: LabelledImages, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("fewshot_bench.planning.near_duplicate_choice.near_duplicates")
    chosen = chosen_images(copied, "keep")
    assert chosen.data is copied
    assert (chosen.near_duplicates, chosen.dropped, chosen.notes) == (None, 0, ())


def test_without_any_the_data_set_stays_as_it_is(copied: LabelledImages):
    rust = copied.subset(["rust"])
    chosen = chosen_images(rust, "drop")
    assert chosen.data is rust
    assert (chosen.near_duplicates, chosen.dropped, chosen.notes) == (0, 0, ())


def test_another_word_is_refused(copied: LabelledImages):
    with pytest.raises(UserError, match=r"--near-duplicates.*'remove'.*keep, drop, group, report"):
        chosen_images(copied, "remove")
