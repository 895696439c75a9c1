"""The paragraph says what the figures say, and leaves out what nobody measured."""

import re

from fewshot_bench.advice.choice import choose
from fewshot_bench.advice.words import Summary, paragraph
from fewshot_bench.deploy.method import Method
from tests.helpers.counted import counted

METHOD = Method("frozen", "whitened", {"whitened.power": "0.5"})


def said(*arguments, **options) -> str:
    found = counted(*arguments, **options)
    return paragraph(Summary.of(found, choose(found), METHOD))


def test_all_that_a_user_asks_is_said():
    text = said(
        [[0.9, 0.8, 0.95, 0.85], [0.89, 0.8, 0.94, 0.85], [0.5, 0.4, 0.55, 0.44]],
        known=[0.97, 0.97, 0.97],
    )
    assert text.startswith("Use m0 (--method frozen+whitened --set whitened.power=0.5).")
    assert re.search(
        r"expect it to recognise 88 % with 5 pictures \(95 % interval \d+ % to \d+ %\)", text
    )
    assert (
        "held out as if it were new, beside 1 other held-out class and all known ones, so among 4"
        in text
    )
    assert (
        "Known classes suffer: with 5 pictures of each new class, 3.0 % of the pictures of known"
        in text
    )
    assert "It is not shown to be better than m1 (of 2 other methods)" in text
    assert "It confuses 'c0' and 'c1' most" in text
    assert "points from" not in text  # one shot value shows no growth


def test_known_classes_that_were_not_asked_about_are_not_spoken_of():
    text = said([[0.9, 0.8, 0.95, 0.85], [0.5, 0.4, 0.55, 0.44]])
    assert "nown classes" not in text
    assert "beside 1 other held-out class, by the method" in text
    assert "It is significantly better than each of the 1 other methods" in text


def test_no_mistake_is_no_confusion():
    text = said([[1.0, 1.0, 1.0, 1.0]])
    assert text.endswith("It confuses no two of your classes.")
    assert "other methods" not in text
