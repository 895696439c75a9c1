"""What bench export writes runs without this package, and answers as bench predict does."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import fewshot_bench
from fewshot_bench import Request, UserError
from fewshot_bench.deploy import export
from tests.helpers.factory import defect, factory

# imports of these fail, as on a machine that has neither
ALONE = (
    "import sys; sys.modules['torch'] = None; sys.modules['fewshot_bench'] = None; "
    "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture
def extra():
    for name in export.LIBRARIES:
        pytest.importorskip(name, reason="needs the extra export")


def _odd_pictures(folder):
    """Pictures of other sizes, modes and orientations."""
    image = defect(1, 200)
    image.resize((40, 30)).save(folder / "wide.png")
    image.convert("RGB").resize((50, 50)).save(folder / "colour.jpg")
    alpha = Image.fromarray((255 * (np.arange(576).reshape(24, 24) % 3 > 0)).astype(np.uint8))
    transparent = image.convert("RGBA")
    transparent.putalpha(alpha)
    transparent.save(folder / "transparent.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        pytest.param(
            "frozen+whitened",
            {"whitened.power": "0.5", "frozen.views": "8"},
            marks=pytest.mark.slow,
        ),
        ("untrained+prototype", {}),
        pytest.param(
            "untrained+whitened", {"whitened.reference_views": "8"}, marks=pytest.mark.slow
        ),
    ],
)
def test_the_files_answer_as_predict_does_without_this_package(extra, tmp_path, method, settings):
    known, new, pictures = factory(tmp_path)
    _odd_pictures(pictures)
    size = {f"{method.partition('+')[0]}.image_size": "48"}
    choices = {"method": method, "request": Request(settings={**settings, **size})}

    files = fewshot_bench.export(tmp_path / "out", known, new, **choices)

    assert sorted(file.name for file in files) == [
        "classifier.safetensors",
        "encoder.onnx",
        "run.py",
    ]
    names = sorted(str(file) for file in pictures.iterdir())
    command = [sys.executable, "-c", ALONE, str(tmp_path / "out" / "run.py"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    table = fewshot_bench.predict(names, known, new, **choices).table.set_index("picture")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer[0] for answer in answers] == names
    for name, label, probabilities, unknown in answers:
        row = table.loc[name]
        expected = row[[column for column in table if column.startswith("probability")]]
        assert label == row["class"]
        assert unknown == row["unknown"]
        found = [probabilities[column.removeprefix("probability of ")] for column in expected.index]
        assert np.allclose(found, expected.astype(float), atol=1e-3)


def test_a_method_without_a_network_is_refused(extra, tmp_path):
    known, new, _ = factory(tmp_path)

    with pytest.raises(UserError, match="has no encoder that can be exported"):
        fewshot_bench.export(tmp_path / "out", known, new, method="pixels")
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_told_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "LIBRARIES", ("no_such_library",))

    with pytest.raises(UserError, match=r"install fewshot-bench\[export\]"):
        fewshot_bench.export(tmp_path, tmp_path / "nothing")
