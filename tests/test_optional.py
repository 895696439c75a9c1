"""What a library that is not installed is told with."""

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.optional import require


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("bench map", "bench map needs nowhere, which is not installed; install"),
        ("nowhere", "nowhere is not installed; install"),
    ],
)
def test_who_needs_it_is_named_unless_it_has_the_same_name(who: str, expected: str):
    with pytest.raises(UserError) as told:
        require(who, "nowhere.deep", "more")
    assert str(told.value) == f"{expected} fewshot-bench[more]"
