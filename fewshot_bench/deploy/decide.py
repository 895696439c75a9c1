"""What is decided about pictures: a class, how sure that is, and which to look at first.

Shapes: Q pictures, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.walk import counted, some
from fewshot_bench.deploy.build import Classifier
from fewshot_bench.deploy.pictures import read_pictures
from fewshot_bench.deploy.references import pixels_of

__all__ = ["COLUMNS", "PROBABILITY", "Prediction", "predicted"]

COLUMNS = (
    "picture",
    "class",
    "score",
    "second_class",
    "second_score",
    "unknown",
    "look_first",
)
PROBABILITY = "probability of "  # begins the name of a column for each class


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is decided about pictures.

    table: a row a picture, in the order given, see docs/columns.md; reliability: how often
    held-out references of about one probability were right; images: the pictures, in the order of
    the rows; method: its name, with settings.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    reliability: Mapping[str, Any]
    class_names: tuple[str, ...]
    method: str
    images: LabelledImages

    @property
    def counts(self) -> pd.DataFrame:
        """A row a class: name, pictures, mean score, and how many of them are flagged unknown."""
        rows = []
        for name in self.class_names:
            of_class = self.table[self.table["class"] == name]
            row = {
                "name": name,
                "pictures": len(of_class),
                "score": of_class["score"].mean(),
                "unknown": int(of_class["unknown"].sum()),
            }
            rows.append(row)
        return pd.DataFrame(rows)

    @property
    def trust(self) -> str:
        """How far the scores of held-out references were from the share that was right."""
        error = 100 * self.reliability["error"]
        return (
            f"scores are probabilities: for held-out references they were off by {error:.1f} points"
            " on average"
        )

    def about(self) -> dict[str, Any]:
        """What a JSON file beside the table holds."""
        return {
            "method": self.method,
            "classes": list(self.class_names),
            "pictures": len(self.table),
            "unknown": int(self.table["unknown"].sum()),
            "reliability": dict(self.reliability),
            "notes": list(self.notes),
        }


def predicted(made: Classifier, pictures: Sequence[Path | str]) -> Prediction:
    """What a classifier decides about pictures. Raises as `read_pictures`."""
    images = read_pictures(pictures, made.references.form)
    scores_QN = made.scores(images)
    table = _table(made, images, scores_QN)
    notes = [*made.notes, *[f"pictures: {note}" for note in images.notes]]
    notes += _reference_notes(made, images)
    return Prediction(
        table, tuple(notes), made.reliability, made.class_names, made.chosen.method.label, images
    )


def _table(
    made: Classifier, images: LabelledImages, scores_QN: npt.NDArray[np.float64]
) -> pd.DataFrame:
    calibration = made.calibration
    names = np.array(made.class_names, dtype=object)
    probability_QN = calibration.probabilities(scores_QN)
    order_QN = np.argsort(-scores_QN, axis=1, kind="stable")
    best_Q = order_QN[:, 0]
    second_Q = order_QN[:, 1]
    rows = np.arange(len(scores_QN))
    score_Q = probability_QN[rows, best_Q]
    unknown_Q = calibration.unknown(scores_QN)
    # unknown ones first, then the least certain ones
    first = np.lexsort((score_Q, ~unknown_Q))
    look_first_Q = np.empty(len(rows), dtype=np.int64)
    look_first_Q[first] = rows + 1
    columns: dict[str, Any] = {
        "picture": images.files,
        "class": names[best_Q],
        "score": score_Q,
        "second_class": names[second_Q],
        "second_score": probability_QN[rows, second_Q],
        "unknown": unknown_Q,
        "look_first": look_first_Q,
    }
    for label, name in enumerate(made.class_names):
        columns[f"{PROBABILITY}{name}"] = probability_QN[:, label]
    return pd.DataFrame(columns)


def _reference_notes(made: Classifier, images: LabelledImages) -> list[str]:
    """A note on pictures that are references themselves."""
    known = set(made.reference_pixels)
    same = []
    for file, pixels in zip(images.files, pixels_of(images), strict=True):
        if pixels in known:
            same.append(file)
    if not same:
        return []
    count = counted(
        len(same), "picture is a reference itself", "pictures are references themselves"
    )
    return [f"{count}, so that its score says nothing: {some(same)}"]
