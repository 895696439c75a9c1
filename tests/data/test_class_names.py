"""Names for classes: pairs of an option, and what becomes one class."""

import pytest

from fewshot_bench.data.class_names import named_pairs, renamed_classes
from fewshot_bench.errors import UserError


def test_pairs_with_spaces_and_commas():
    assert named_pairs("--class-names", '0=good, "1=crack, deep",2=a=b') == {
        "0": "good",
        "1": "crack, deep",
        "2": "a=b",
    }
    assert named_pairs("--class-names", "") == {}


@pytest.mark.parametrize("text", ["0", "0=a,b", "=a", "0=a,0=b"])
def test_what_is_no_pair_is_an_error(text: str):
    with pytest.raises(UserError, match="--class-names"):
        named_pairs("--class-names", text)


def test_classes_that_become_one_are_told():
    classes, notes = renamed_classes(["0.33", "0", "0.67", "1"], "0.33=weak,0.67=weak,1=strong")
    assert classes == ["weak", "0", "weak", "strong"]
    assert notes == ["0.33, 0.67 are read as one class, weak (--class-names)"]


def test_a_class_that_gets_the_name_of_another_is_told():
    classes, notes = renamed_classes(["dent", "Dent"], "Dent=dent")
    assert classes == ["dent", "dent"]
    assert len(notes) == 1


@pytest.mark.parametrize("text", ["2=a", "0="])
def test_a_name_for_no_class_and_no_name(text: str):
    with pytest.raises(UserError, match=r"label of --class-names|no name behind it"):
        renamed_classes(["0", "1"], text)
