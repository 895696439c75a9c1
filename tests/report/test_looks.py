"""A method looks the same everywhere, and no two rows of a folder look alike."""

import itertools

import pytest

from fewshot_bench.registry.registry import Registry
from fewshot_bench.report.looks import COLOURS, GREY, looks_of

DEFAULT = ["frozen", "scl_amp", "resnet", "protonet", "siamese", "untrained", "pixels", "lbp"]


def test_a_method_looks_the_same_whatever_stands_beside_it():
    methods = list(Registry().baselines)
    beside_all = looks_of(methods)
    for name in methods:
        assert looks_of([name])[name] == beside_all[name]
    assert len(set(beside_all.values())) == len(methods)


def test_the_methods_of_a_run_by_default_differ_in_colour_and_in_marker():
    looks = looks_of(DEFAULT)
    assert len({look.colour for look in looks.values()}) == len(DEFAULT)
    assert len({look.marker for look in looks.values()}) == len(DEFAULT)


def test_a_rule_or_setting_has_the_colour_and_marker_of_its_method():
    names = [
        "frozen",
        *(f"frozen+{rule}" for rule in Registry().rules),
        "frozen[a=1]",
        "frozen@older",
    ]
    looks = looks_of(names)
    assert len({(look.colour, look.marker) for look in looks.values()}) == 1
    assert len(set(looks.values())) == len(names)
    assert looks["frozen"].line == "solid"


def test_the_rules_used_most_differ_in_line_and_filling():
    names = [f"frozen+{rule}" for rule in ("whitened", "ridge", "unit_mean", "centred")]
    for one, other in itertools.combinations(looks_of(names).values(), 2):
        assert one.line != other.line
        assert one.fill != other.fill


@pytest.mark.parametrize("pattern", ["method{}", "method[setting={}]"])
def test_no_two_rows_look_alike(pattern: str):
    names = [pattern.format(number) for number in range(24)]
    assert len(set(looks_of(names).values())) == 24
    assert len(looks_of(pattern.format(number) for number in range(200))) == 200


def test_grey_takes_the_colour_alone():
    look = looks_of(["frozen+whitened"])["frozen+whitened"]
    grey = look.in_grey()
    assert (grey.colour, grey.marker, grey.line, grey.fill) == (
        GREY,
        look.marker,
        look.line,
        look.fill,
    )
    assert GREY not in COLOURS
