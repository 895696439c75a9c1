"""Heat maps through the command line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.command_line import SMALL_IMAGES, words_of
from tests.helpers.plugin_files import plugin, plugin_words

# a data set with boxes, an encoder that looks at what is bright, one that looks at what is dark
BOXED = [plugin("blind"), plugin("boxed"), plugin("seeing")]


def test_an_encoder_that_looks_at_the_defect_is_told_from_one_that_does_not(bench, tmp_path: Path):
    asked = (
        *words_of("--dataset boxed --shots 1 --episodes 50 --queries 3 --out"),
        tmp_path,
    )
    status, out, err = bench(
        "explain",
        *plugin_words(BOXED),
        *asked,
        *words_of("--baselines seeing,blind,pixels --reference blind --images 4"),
    )
    assert status == 0, err
    assert "pixels: it answers without the features of an encoder" in out
    found = pd.read_csv(tmp_path / "pointing.csv").set_index("baseline")
    assert found["places"].tolist()[:2] == ["4 x 4", "4 x 4"]
    assert found.loc[["seeing", "blind"], "images"].tolist() == [36, 36], (
        "each test image is asked about"
    )
    assert found["hit"]["seeing"] == 1
    assert found["hit_low"]["seeing"] < 1, "36 images prove nothing about all"
    assert found["energy"]["seeing"] > 0.5
    assert found["hit"]["blind"] < 0.1
    assert found["energy"]["blind"] < found["cover"]["blind"] == pytest.approx(1 / 16)
    assert found["hit_chance"]["seeing"] == pytest.approx(1 / 16, abs=0.02)
    assert found["difference"]["seeing"] == pytest.approx(
        found["energy"]["seeing"] - found["energy"]["blind"], abs=1e-5
    )
    assert found["difference_low"]["seeing"] > 0
    assert np.isnan(found["difference"]["blind"])
    for ending in ("png", "svg"):
        assert (tmp_path / "plots" / f"heat-boxed-heldout.{ending}").stat().st_size > 5000


def test_of_a_classification_protocol_the_head_is_explained(bench, tmp_path: Path):
    asked = (
        *words_of("--train-per-class 4 --runs 2 --baselines resnet,scl_amp --budget 64 --images 3"),
    )
    status, out, err = bench(
        "explain", *SMALL_IMAGES, *asked, "--preset", "scratch", "--out", tmp_path
    )
    assert status == 0, err
    assert "The data set has no boxes, so nothing is measured." in out
    assert not (tmp_path / "pointing.csv").exists()
    assert (tmp_path / "plots" / "heat-steel-sim-small.png").is_file()


def test_a_baseline_that_breaks_is_told_and_the_others_are_drawn(bench, tmp_path: Path):
    seeing = plugin("seeing").read_text()
    with_gradients = (
        "        if torch.is_grad_enabled():\n            raise ValueError('no\\ngradients')\n"
    )
    breaks = seeing.replace("Seeing", "Breaks").replace(
        "        return self.eye(", with_gradients + "        return self.eye("
    )
    unfit = (
        seeing.replace("Seeing", "Unfit")
        + "    def fit(self, train, *, context):\n        raise ValueError('no fit')\n"
    )
    plugins = [*BOXED, tmp_path / "breaks.py", tmp_path / "unfit.py"]
    for path, text in zip(plugins[-2:], (breaks, unfit), strict=True):
        path.write_text(text)
    asked = (
        *words_of("--dataset boxed --shots 1 --episodes 5 --queries 3 --out"),
        tmp_path / "out",
    )
    status, out, err = bench(
        "explain", *plugin_words(plugins), *asked, "--baselines", "breaks,unfit,seeing", "--quiet"
    )
    told = "unfit, 1 shot, seed 0: failed: ValueError: no fit"
    assert (status, out, err.splitlines()) == (
        1,
        "",
        [told, "breaks: no heat map: ValueError: no gradients"],
    )
    assert (tmp_path / "out" / "plots" / "heat-boxed-heldout.png").is_file()
    status, out, err = bench(
        "map", *plugin_words(plugins), *asked, "--baselines", "unfit,seeing", "--quiet"
    )
    assert (status, out, err.splitlines()) == (1, "", [told])
