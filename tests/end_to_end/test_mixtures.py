"""Several data sets put together, from the command line and from Python."""

import json
from pathlib import Path

import pandas as pd
import pytest

import fewshot_bench
from fewshot_bench import Request
from tests.helpers.command_line import SHORT

pytestmark = pytest.mark.usefixtures("empty_cache")
FEW = {"steel-sim.per_class": "20", "steel-sim.side": "32", "wafer-sim.per_class": "20"}
CLASSES = "steel-sim/Crazing,wafer-sim/C,Sc"


def test_a_run_its_records_and_what_is_shown_of_them(bench, tmp_path: Path):
    out = tmp_path / "out"
    words = ["--dataset", "steel-sim+wafer-sim", "--test-classes", CLASSES]
    for setting, value in FEW.items():
        words += ["--set", f"{setting}={value}"]
    status, printed, err = bench("run", *words, *SHORT, "--out", out)
    assert status == 0, err
    text = " ".join(printed.split())
    assert "steel-sim: these pictures are synthetic" in text
    assert "all images have 32 x 32 pixels" in text
    (file,) = out.glob("records/steel-sim+wafer-sim/*/*.json")
    record = json.loads(file.read_text())
    assert record["dataset"]["name"] == "steel-sim+wafer-sim"
    assert record["dataset"]["published"] == []
    table = pd.read_csv(out / "leaderboard.csv")
    assert table["dataset"].tolist() == ["steel-sim+wafer-sim"]
    assert table["test_classes"].item() == "steel-sim/Crazing | wafer-sim/C | steel-sim/Scratches"
    status, printed, err = bench("show", "--out", out)
    assert status == 0, err
    assert "wafer-sim/C" in printed
    status, printed, err = bench("cache")
    assert "steel-sim+wafer-sim" in printed


def test_from_python(tmp_path: Path):
    request = Request(dataset="steel-sim+wafer-sim", settings=FEW)
    images = fewshot_bench.data(request)
    assert images.name == "steel-sim+wafer-sim"
    assert len(images.class_names) == 6 + 38
