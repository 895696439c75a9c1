"""What a published data set lacks is named, with what should be there and the remedy."""

from pathlib import Path

import pytest

from fewshot_bench import FileTree, check_counts, given_tree, refuse_incomplete
from fewshot_bench.errors import UserError


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    return FileTree(tmp_path)


def test_counts_are_exact_or_in_a_range(tree: FileTree):
    check_counts(tree, "X", {"a": 3, "b": 8, "other": 1}, {"a": 3, "b": range(5, 9)})
    with pytest.raises(UserError) as refusal:
        check_counts(tree, "X", {"b": 9}, {"a": 1_200, "b": range(5, 9)})
    wrong = "a has 0 images (expected 1,200), b has 9 images (expected 5 to 8); name one complete"
    assert f"{tree.path} is not the whole X set: {wrong}" in str(refusal.value)


def test_many_faults_are_counted(tree: FileTree):
    refuse_incomplete(tree, "X", [])
    with pytest.raises(UserError, match=r"1 is not there, .* and 3 more; name"):
        refuse_incomplete(tree, "X", [f"{number} is not there" for number in range(1, 9)])


def test_without_a_path_the_card_says_where_to_get_it(tmp_path: Path):
    with pytest.raises(UserError, match=r"x needs its data: buy it, or put it into .*FEWSHOT"):
        given_tree("x", None, "buy it")
    with given_tree("x", tmp_path, "buy it") as tree:
        assert tree.path == tmp_path
