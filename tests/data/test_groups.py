"""Groups of images, found in the names of files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench.data.cache import cached_images
from fewshot_bench.data.groups import apart_from, grouped_by_name, numbered
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError


def named(blobs: LabelledImages, *files: str) -> LabelledImages:
    """The first images of the blobs, under these names."""
    count = len(files)
    return dataclasses.replace(
        blobs, images=blobs.images[:count], labels=blobs.labels[:count], files=files
    )


FILES = ("a/plate07_1.png", "a/plate02_2.png", "a/plate07_3.png", "b/plate11_1.png")


def test_groups_are_numbered_in_the_order_in_which_they_appear():
    assert numbered(["x", "b", "x", "a"]).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        pytest.param(r"plate(\d+)", [0, 1, 0, 2], id="a capture group"),
        pytest.param(r"plate\d+", [0, 1, 0, 2], id="the whole match"),
        pytest.param(r"plate(\d)(\d)", [0, 1, 0, 2], id="several capture groups"),
        pytest.param(r"^(a|b)", [0, 0, 0, 1], id="the folder belongs to the name"),
        pytest.param(r"(a)|b", None, id="an empty group is none"),
    ],
)
def test_the_group_is_what_the_expression_captures(
    blobs: LabelledImages, group_by: str, groups: list[int] | None
):
    data = named(blobs, *FILES)
    if groups is None:
        with pytest.raises(UserError, match="no group in 1 of 4"):
            grouped_by_name(data, group_by)
        return
    grouped = grouped_by_name(data, group_by)
    assert grouped.groups is not None
    assert grouped.groups.tolist() == groups
    assert grouped.group_by == group_by
    assert grouped.notes == data.notes


def test_captured_texts_are_not_run_together(blobs: LabelledImages):
    data = named(blobs, "1_23.png", "12_3.png", "1_23b.png")
    grouped = grouped_by_name(data, r"^(\d+)_(\d+)")
    assert grouped.groups is not None
    assert grouped.groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("group_by", "message"),
    [
        (r"plate(\d+", r"--group-by 'plate\(\\d\+' is no regular expression \(missing \)"),
        (r"plate(0\d)", r"no group in 1 of 4 file names, first in 'b/plate11_1.png'"),
        ("x*", "no group in 4 of 4 file names, first in 'a/plate07_1.png'"),
        ("(plate)", r"puts all 4 images into one group.*\(a file name is 'a/plate07_1.png'\)"),
    ],
)
def test_what_makes_no_groups_is_told(blobs: LabelledImages, group_by: str, message: str):
    with pytest.raises(UserError, match=message):
        grouped_by_name(named(blobs, *FILES), group_by)


def test_every_image_in_a_group_of_its_own_is_noted(blobs: LabelledImages):
    data = grouped_by_name(named(blobs, *FILES), r"(\d+_\d)")
    assert data.notes == (
        r"--group-by '(\d+_\d)' puts every image into a group of its own: no two of them are kept "
        "apart for it",
    )


def test_a_subset_and_the_cache_keep_the_groups(blobs: LabelledImages, empty_cache: None):
    groups = np.arange(120) // 3
    data = dataclasses.replace(blobs, groups=groups, group_by="x")
    part = data.subset(["class3", "class0"])
    assert part.groups is not None
    assert part.groups.tolist() == [*groups[60:80], *groups[:20]]
    cached_images(["x"], lambda: data)
    read = cached_images(["x"], lambda: pytest.fail("it is there"))
    assert read.groups is not None
    assert read.groups.tolist() == groups.tolist()
    assert (read.group_by, cached_images(["y"], lambda: blobs).groups) == ("x", None)


def test_images_apart_from_others_share_no_group_with_them(blobs: LabelledImages):
    images, others = np.arange(10), np.array([10, 11])
    assert apart_from(blobs, images, others) is images
    data = dataclasses.replace(blobs, groups=np.arange(120) // 4)
    assert apart_from(data, images, others).tolist() == list(range(8))


def test_names_are_paths_inside_the_data_set(tmp_path: Path, empty_cache: None):
    from fewshot_bench import Request, data
    from tests.helpers.files import image_folder

    image_folder(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    request = Request(dataset="folder", data=tmp_path / "own", group_by="^a/|b/1|b/0")
    grouped = data(request)
    assert grouped.groups is not None
    assert grouped.groups.tolist() == [0, 0, 1, 2]
