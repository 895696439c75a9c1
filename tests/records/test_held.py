"""Held values never take more memory than they may."""

from fewshot_bench.records.held import Held


def test_what_was_not_used_for_longest_is_dropped_first():
    held = Held(limit=100)
    made = []

    def value(key: str) -> str:
        return held.get(key, lambda: made.append(key) or key, lambda value: 40)

    assert [value(key) for key in "ababcab"] == list("ababcab")
    assert made == ["a", "b", "c", "a", "b"]
    assert held.size == 80
    held.clear()
    assert held.size == 0
    assert value("b") == "b"
    assert made[-1] == "b"


def test_what_is_too_large_is_made_each_time():
    held = Held(limit=100)
    made = [held.get("a", list, lambda value: 101) for _ in range(2)]
    assert made[0] is not made[1]
    assert held.size == 0
