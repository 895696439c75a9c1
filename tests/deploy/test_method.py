"""The method that a recommendation names."""

from __future__ import annotations

import json

import pytest

from fewshot_bench.deploy.method import Method, read_method
from fewshot_bench.errors import UserError


@pytest.mark.parametrize(("text", "rule"), [("frozen+whitened", "whitened"), ("frozen", "own")])
def test_a_name_is_read_and_given_back(text, rule):
    method = Method.parse(text)

    assert (method.baseline, method.rule, method.name) == ("frozen", rule, text)


@pytest.mark.parametrize("text", ["", "+whitened", "frozen+", " + "])
def test_a_name_without_a_baseline_or_a_rule_is_refused(text):
    with pytest.raises(UserError, match=r"frozen\+whitened"):
        Method.parse(text)


def test_json_gives_back_the_method():
    method = Method("frozen", "whitened", {"frozen.views": "8", "whitened.power": "0.5"})

    assert Method.from_json(json.loads(json.dumps(method.as_json()))) == method


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"baseline": "frozen", "rule": "own"},
        {"baseline": "frozen", "rule": "own", "settings": {}, "more": 1},
        {"baseline": "", "rule": "own", "settings": {}},
        {"baseline": "frozen", "rule": 3, "settings": {}},
        {"baseline": "frozen", "rule": "own", "settings": []},
        {"baseline": "frozen", "rule": "own", "settings": {"views": "8"}},
        {"baseline": "frozen", "rule": "own", "settings": {"frozen.views": 8}},
    ],
)
def test_other_json_is_refused_in_one_line_that_names_the_file(content):
    with pytest.raises(UserError, match=r"^here\.json: .*bench recommend"):
        Method.from_json(content, source="here.json")


def test_a_folder_or_file_is_read(tmp_path):
    method = Method("frozen", "ridge")
    file = tmp_path / "recommendation.json"
    file.write_text(json.dumps({"method": method.as_json(), "classes": 7}))

    assert read_method(tmp_path) == method
    assert read_method(str(file)) == method


@pytest.mark.parametrize("text", ["{", "[]", '{"method": 3}', "\ufeff\x00"])
def test_a_damaged_recommendation_is_one_line(tmp_path, text):
    file = tmp_path / "recommendation.json"
    file.write_text(text)

    with pytest.raises(UserError, match=r"recommendation\.json.*--method"):
        read_method(tmp_path)


def test_a_missing_recommendation_is_one_line(tmp_path):
    with pytest.raises(UserError, match="does not exist; bench recommend writes it"):
        read_method(tmp_path)
