"""bench predict and bench export on the command line."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.helpers.factory import PIXELS, factory


@pytest.fixture
def places(tmp_path):
    known, new, pictures = factory(tmp_path)
    return ("--known", known, "--new", new, pictures)


def test_predictions_are_printed_as_csv_and_the_summary_on_standard_error(bench, places, capsys):
    status, output, errors = bench("predict", *places, *PIXELS)

    assert status == 0
    assert output.startswith("picture,class,score,second_class,second_score,unknown,look_first,")
    assert len(output.splitlines()) == 9
    assert "look first at:" in errors
    assert "scores are probabilities" in errors


def test_files_and_sheets_are_written(bench, places, tmp_path):
    out = tmp_path / "out" / "p.csv"
    status, output, _ = bench(
        "predict", *places, *PIXELS, "--out", out, "--sheet", tmp_path / "s.html"
    )

    assert status == 0
    assert "look first at:" in output
    assert len(pd.read_csv(out)) == 8
    about = json.loads(out.with_suffix(".json").read_text())
    assert about["classes"] == ["a", "b", "c", "fresh"]
    assert 0 <= about["reliability"]["error"] <= 1
    assert (tmp_path / "out" / "p-reliability.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "s.html").read_text()
    assert page.count("<figure") == 8
    assert "http" not in page.replace("http-equiv", "")


def test_a_recommendation_names_the_method(bench, places, tmp_path):
    method = {"baseline": "pixels", "rule": "prototype", "settings": {"pixels.side": "8"}}
    (tmp_path / "recommendation.json").write_text(json.dumps({"method": method}))

    status, _, errors = bench("predict", *places, "--recommendation", tmp_path)

    assert status == 0
    assert "the method is pixels+prototype[pixels.side=8], as recommended" in errors
    assert "recommended with" not in errors


def test_other_options_than_the_recommended_ones_are_told(bench, places, tmp_path):
    method = {"baseline": "pixels", "rule": "prototype", "settings": {}}
    content = {"method": method, "options": {"--fit": "pad"}}
    (tmp_path / "recommendation.json").write_text(json.dumps(content))
    _, _, errors = bench("predict", *places, "--recommendation", tmp_path)
    assert "it was recommended with --fit pad, which is not given here" in errors
    _, _, errors = bench("predict", *places, "--recommendation", tmp_path, "--fit", "pad")
    assert "recommended with" not in errors


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--out", "p.txt"), "ends in .csv"),
        (("--sheet", "s.pdf"), "allowed: FILE.png, FILE.html"),
        (("--method", "pixels+"), "cannot be read"),
        (("--recommendation", "no-such-folder"), "bench recommend writes it"),
    ],
)
def test_a_mistake_is_one_line(bench, places, words, expected):
    method = () if "-me" in words[0] or "-rec" in words[0] else PIXELS
    status, _, errors = bench("predict", *places, *method, *words)

    assert status == 2
    assert expected in errors
    assert errors.count("\n") == 1


def test_export_without_a_network_is_a_mistake(bench, places, tmp_path):
    pytest.importorskip("onnxscript", reason="needs the extra export")
    status, _, errors = bench("export", tmp_path / "out", *places[:4], *PIXELS)

    assert status == 2
    assert "no encoder that can be exported" in errors
