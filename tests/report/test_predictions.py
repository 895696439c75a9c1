"""A sheet of pictures with their predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.deploy.decide import Prediction
from fewshot_bench.report.predictions import MOST_DRAWN, write_sheet


def _prediction(count, channels=1):
    images = np.random.default_rng(0).integers(0, 256, (count, channels, 8, 8), dtype=np.uint8)
    names = tuple(f"<{index}>.png" for index in range(count))
    data = LabelledImages(
        "pictures", images, np.zeros(count, dtype=np.int64), ("unlabelled",), names, ""
    )
    table = pd.DataFrame(
        {
            "picture": names,
            "class": "a & b",
            "score": 0.75,
            "second_class": "c",
            "second_score": 0.25,
            "unknown": [index == 1 for index in range(count)],
            "look_first": range(count, 0, -1),
        }
    )
    return Prediction(table, (), {"error": 0.01, "bins": []}, ("a & b", "c"), "frozen", data)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_page_has_every_picture_those_to_look_at_first_in_front(tmp_path, channels):
    file = write_sheet(_prediction(70, channels), tmp_path / "s.html")

    page = file.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 70
    assert page.index("&lt;69&gt;.png") < page.index("&lt;0&gt;.png")
    assert page.count("unknown? a &amp; b 0.75") == 1


@pytest.mark.parametrize("count", [1, MOST_DRAWN + 1])
def test_a_png_is_drawn(tmp_path, count):
    file = write_sheet(_prediction(count), tmp_path / "s.png")

    assert file.read_bytes().startswith(b"\x89PNG")
