"""The contract of data sets: what each must keep to, checked on the data that it reads.

Shapes: M images, C channels, H rows, W columns.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.contract.expectations import ContractBroken, expect
from fewshot_bench.contract.finding import Finding, Raised, findings
from fewshot_bench.data.cache_files import FOLDER
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.tree import FileTree
from fewshot_bench.dataset import DataSet, under_own_name
from fewshot_bench.errors import NotApplicable, UserError
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.seeds import global_seed

__all__ = ["DATASET_CHECKS", "examine_dataset"]

FOREIGN_IMAGES = 40  # in a folder of the kind below
MOST_NAMED = 3  # in a message


class DataSubject:
    """A data set to be examined. path: of its data; None: it is generated."""

    def __init__(self, name: str, dataset_class: type[DataSet], path: Path | None) -> None:
        self.name = name
        self.dataset_class = dataset_class
        self.path = path

    def load(self, seed: int) -> LabelledImages:
        """What it loads. seed: of the global generators."""
        with global_seed(seed):
            return self.dataset_class().load(self.path)

    @functools.cached_property
    def data(self) -> LabelledImages:
        """What it loads with an empty cache."""
        with _empty_cache():
            return self.load(1)


@contextmanager
def _empty_cache() -> Iterator[None]:
    before = os.environ.get(FOLDER)
    # on Windows a file that is mapped stays
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[FOLDER]
            else:
                os.environ[FOLDER] = before


def has_a_card(subject: DataSubject) -> None:
    """It has a card with title and source."""
    card = subject.dataset_class.card
    is_complete = bool(card.title and card.source)
    expect(is_complete, "a card with title and source", card, "Lists and tables name both.")


def settings_can_be_given_as_text(subject: DataSubject) -> None:
    """Each setting reads its own default from text, as --set gives it."""
    settings_type = subject.dataset_class.settings_type
    defaults = settings_type()
    why = f"Text is what --set {subject.name}.NAME=... gives; use int, float, str, bool or Literal."
    for name, value in defaults.as_dict().items():
        expected = f"the default of setting {name!r} to be read from its text {str(value)!r}"
        try:
            again = settings_type.given(subject.name, {name: str(value)})
        except Exception as error:  # of an annotation that is none of these
            raise ContractBroken(expected, f"{type(error).__name__}: {error}", why) from error
        expect(again == defaults, expected, repr(getattr(again, name)), why)


def missing_data_is_a_user_error(subject: DataSubject) -> None:
    """A path that does not exist is a `UserError`."""
    expected = "a UserError for a path that does not exist"
    why = "It is told in one line; open files with FileTree, or raise UserError."
    with tempfile.TemporaryDirectory() as folder:
        try:
            subject.dataset_class().load(Path(folder) / "nowhere")
        except UserError:
            return
        except Exception as error:  # whatever opening it raises
            came = f"{type(error).__name__}: {error}"
            raise ContractBroken(expected, came, why) from error
    expect(False, expected, "images", why)


def it_loads(subject: DataSubject) -> None:
    """It loads labelled images."""
    expected = "LabelledImages of the data"
    why = "Return what group_by_class makes."
    expect(isinstance(subject.data, LabelledImages), expected, type(subject.data).__name__, why)


def arrays_have_their_shapes(subject: DataSubject) -> None:
    """Images are uint8, (M, C, H, W), grey or RGB; labels are (M,), class by class."""
    data = subject.data
    images = data.images
    shape = tuple(images.shape)
    is_uint8 = images.dtype == np.uint8
    expect(is_uint8, "images of type uint8", images.dtype, "Encoders scale 0 to 255.")
    has_shape = len(shape) == 4 and shape[1] in (1, 3) and min(shape) > 0
    why = "C is 1 (grey) or 3 (RGB), and comes before rows and columns."
    expect(has_shape, "images of shape (M, C, H, W)", shape, why)
    labels = data.labels
    came = f"{labels.dtype} of shape {tuple(labels.shape)}"
    is_labels = labels.dtype.kind == "i" and labels.shape == (len(images),)
    expect(is_labels, f"{len(images)} labels, whole numbers", came, "Each image has a label.")
    is_sorted = bool((np.diff(labels) >= 0).all())
    why = "The images of a class are one range; group_by_class sorts them."
    expect(is_sorted, "labels that never decrease", "others", why)
    count = len(data.class_names)
    present = np.unique(labels).tolist()
    expected = f"labels from 0 to {count - 1}, each at least once"
    expect(present == list(range(count)), expected, present, "Each class has images.")


def classes_have_names(subject: DataSubject) -> None:
    """Two classes or more, each with a name of its own, and short names of real classes."""
    names = subject.data.class_names
    expect(len(names) > 1, "2 classes or more", len(names), "Nothing is told apart.")
    for name in names:
        is_text = isinstance(name, str) and bool(name)
        is_plain = is_text and unicodedata.normalize("NFC", name).strip() == name
        why = "No --test-classes could name it."
        expect(is_plain, "names in composed form, without spaces around them", repr(name), why)
    _expect_unique("names of classes", names, "A name stands for one class.")
    for short, name in subject.data.abbreviations.items():
        is_real = name in names and (short not in names or short == name)
        expected = "abbreviations that stand for a class and are the name of no other"
        expect(is_real, expected, f"{short!r} for {name!r}", "They are what --test-classes takes.")


def files_have_names(subject: DataSubject) -> None:
    """Each image has a name of its own."""
    files = subject.data.files
    images = len(subject.data.images)
    why = "Notes and errors name files."
    expect(len(files) == images, f"{images} names of files", len(files), why)
    _expect_unique("names of files", files, "Notes and --group-by tell images by them.")


def _expect_unique(what: str, names: Iterable[str], why: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    came = f"{len(twice)} that come twice, first {', '.join(map(repr, twice[:MOST_NAMED]))}"
    expect(not twice, f"different {what}", came, why)


def boxes_and_groups_fit(subject: DataSubject) -> None:
    """Boxes lie in their image, with corners in order; each image has a group, if there are any."""
    data = subject.data
    images = len(data.images)
    height, width = data.images.shape[2:]
    if data.groups is None and data.boxes is None:
        raise NotApplicable("it has neither boxes nor groups")
    if data.groups is not None:
        shape = tuple(data.groups.shape)
        expect(shape == (images,), f"groups of shape ({images},)", shape, "Each image has one.")
        expect(bool(data.group_by), "group_by, where groups come from", "none", "Tables name it.")
    if data.boxes is None:
        return
    expect(
        len(data.boxes) == images, f"boxes of {images} images", len(data.boxes), "One array each."
    )
    for file, boxes in zip(data.files, data.boxes, strict=True):
        rows = np.asarray(boxes).reshape(-1, 4)
        is_ordered = bool((rows[:, :2] <= rows[:, 2:]).all())
        is_inside = bool((rows >= 0).all() and (rows <= [width, height, width, height]).all())
        expected = f"boxes xmin, ymin, xmax, ymax within {width} x {height} pixels"
        came = f"{rows.tolist()} of {file}"
        expect(is_ordered and is_inside, expected, came, "Resize them with their image.")


def no_copies_are_left(subject: DataSubject) -> None:
    """No image is a byte-identical copy of another."""
    first: dict[bytes, str] = {}
    for file, image in zip(subject.data.files, subject.data.images, strict=True):
        pixels = hashlib.sha256(image.tobytes()).digest()
        expected = "no byte-identical copies"
        came = f"{file} and {first.get(pixels)}"
        why = "A copy in the support gives a query away; group_by_class leaves copies out."
        expect(pixels not in first, expected, came, why)
        first[pixels] = file


def loading_again_gives_the_same(subject: DataSubject) -> None:
    """Loaded twice, with other global seeds, and read from the cache, it is the same."""
    why = "Results of two runs are compared by the digest; draw from a generator of your own."
    digest = subject.data.digest
    is_digest = re.fullmatch("[0-9a-f]{64}", digest) is not None
    expect(
        is_digest,
        "a digest of 64 hex digits",
        repr(digest),
        "It is of pixels and labels; take that of group_by_class.",
    )
    with _empty_cache():
        again = subject.load(2)
        _expect_same("loaded again", subject.data, again, why)
        why = "The key of cached_images must name all that the images depend on."
        _expect_same("from the cache", again, subject.load(3), why)


def _expect_same(how: str, first: LabelledImages, second: LabelledImages, why: str) -> None:
    for name in ("digest", "class_names", "files", "notes"):
        one = getattr(first, name)
        other = getattr(second, name)
        expect(one == other, f"the same {name} {how}", _short(other), why)
    is_same = np.array_equal(first.images, second.images)
    is_same = is_same and np.array_equal(first.labels, second.labels)
    expect(is_same, f"the same pixels and labels {how}", "others under the same digest", why)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def protocols_name_its_classes(subject: DataSubject) -> None:
    """Each protocol bears the name of the data set, and its classes are there, with images."""
    dataset = subject.dataset_class()
    protocols = dataset.versioned_protocols()
    if not protocols:
        raise NotApplicable("it declares no protocol, so that --test-classes must be named")
    data = under_own_name(subject.data, subject.name, subject.dataset_class)
    _expect_unique(
        "names of protocols", [one.name for one in protocols], "Each is asked by its name."
    )
    for protocol in protocols:
        expected = f"protocol {protocol.name!r} to be of data set {subject.name!r}"
        why = "Its name is the stem of the file, with dashes for underscores."
        expect(protocol.dataset == subject.name, expected, repr(protocol.dataset), why)
        starts = protocol.name.startswith(f"{subject.name}-")
        expected = f"names of protocols that begin with {subject.name}-"
        expect(starts, expected, repr(protocol.name), "No two data sets share a protocol.")
        _expect_it_fits(protocol, data, subject)
        declared = {one.name for one in subject.dataset_class.protocols}
        expected = "protocols of the settings to be those of the class"
        expect(
            protocol.name in declared,
            expected,
            repr(protocol.name),
            "These are what bench list shows.",
        )


def _expect_it_fits(protocol: AnyProtocol, data: LabelledImages, subject: DataSubject) -> None:
    """Its classes are there under their full names, each with images enough."""
    expected = f"protocol {protocol.name!r} to fit the data"
    try:
        if isinstance(protocol, Classification):
            protocol.over(data)
            return
        settled = protocol.over(data, None, None)
    except UserError as error:
        if data.name != subject.name:
            raise NotApplicable(f"{data.name} is not the whole data set: {error}") from None
        raise ContractBroken(expected, str(error), "It is run as it is declared.") from None
    train = settled.train_classes if protocol.train_classes else ()
    is_full = (protocol.train_classes, protocol.test_classes) == (train, settled.test_classes)
    came = ", ".join((*protocol.train_classes, *protocol.test_classes))
    expect(is_full, "full names of classes in protocols", came, "Records have these names.")


def foreign_files_are_not_recognised(subject: DataSubject) -> None:
    """`recognises` says no to pictures that are not of this data set, and raises nothing."""
    numbers = range(FOREIGN_IMAGES)
    classes = [f"{name}/{number}.png" for name in ("dent", "rust") for number in numbers]
    foreign = {
        "an empty folder": [],
        "folders dent and rust with pictures": classes,
        "photographs without folders": [f"IMG_{number:04d}.jpg" for number in numbers],
        "files that are no pictures": ["README.md", "notes/todo.txt", "table.csv"],
    }
    for what, files in foreign.items():
        answer = subject.dataset_class.recognises(files)
        expected = f"recognises to be False for {what}"
        why = "Without --dataset, these pictures would be read by this data set."
        expect(answer is False, expected, repr(answer), why)
    if subject.path is not None:
        with FileTree(subject.path) as tree:
            own = subject.dataset_class.recognises(tree.files)
        expect(isinstance(own, bool), "True or False for its own files", repr(own), "It decides.")


DATASET_CHECKS: dict[str, Callable[[Any], None]] = {
    "card": has_a_card,
    "settings": settings_can_be_given_as_text,
    "missing data": missing_data_is_a_user_error,
    "loads": it_loads,
    "shapes and types": arrays_have_their_shapes,
    "classes": classes_have_names,
    "files": files_have_names,
    "boxes and groups": boxes_and_groups_fit,
    "copies": no_copies_are_left,
    "same data twice": loading_again_gives_the_same,
    "protocols": protocols_name_its_classes,
    "recognises": foreign_files_are_not_recognised,
}
# where one of these is broken, what the later checks find says nothing
ESSENTIAL = ("loads", "shapes and types", "classes", "files")
RAISED = Raised("images", "A run of it ends with this error.")


def examine_dataset(
    name: str, dataset_class: type[DataSet], path: Path | None
) -> Iterator[Finding]:
    """Check one data set, one check after another. What it raises is a finding, not an error.

    path: of its data; None for a data set that is generated. It is loaded three times, each time
    without what is in the cache.
    """
    subject = DataSubject(name, dataset_class, path)
    yield from findings(subject, DATASET_CHECKS, ESSENTIAL, dataset_class, RAISED)
