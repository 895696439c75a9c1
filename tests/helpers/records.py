"""Records that nobody measured, and records of runs that are changed by hand."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.protocols.protocol import FewShot
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import (
    BaselinePart,
    DataSetPart,
    Provenance,
    Record,
    TrainingPart,
)

PROTOCOL = FewShot(
    name="neu-heldout", dataset="neu", train_classes=("a", "b", "c"), test_classes=("d", "e", "f")
)


def record(
    *,
    settings: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    sha256: str = "code",
    data: str = "data",
    episodes: int = 2000,
    shots: int = 1,
    seed: int = 0,
    started: str = "2026-01-01",
    key: str = "key",
    **of_protocol: object,
) -> Record:
    """A record of the baseline `method`."""
    protocol = dataclasses.replace(PROTOCOL, episodes=episodes, **of_protocol)  # type: ignore[arg-type]
    return Record(
        key=key,
        status="ok",
        shots=shots,
        episodes=episodes,
        episodes_digests={episodes: f"{data} {shots} {episodes} {protocol.episode_seed}"},
        protocol=protocol,
        pool=((0, 20), (20, 20), (40, 20)),
        dataset=DataSetPart(name="neu", digest=data),
        baseline=BaselinePart(
            name="method",
            sha256=sha256,
            transductive=False,
            rule="mean_cosine",
            preset="quick",
            settings_given=given or {},
            settings=settings or {},
        ),
        training=TrainingPart(key="training", seed=seed, version="1"),
        provenance=Provenance(started=started),
    )


def rewrite(
    folder: Path, change: Callable[[Record], Record], baseline: str = "", first: bool = False
) -> list[Path]:
    """Change the records of a baseline, or of all, in their files; returns these.

    first: change the first one alone.
    """
    results = ResultsFolder(folder, write=False)
    chosen = [one for one in results if baseline in ("", one.baseline.name)]
    paths = []
    for one in chosen[:1] if first else chosen:
        path = results.paths.record(one.stem)
        path.write_text(json.dumps(change(one).as_json(), indent=1) + "\n")
        paths.append(path)
    return paths


def answer_otherwise(folder: Path, baseline: str, every: int) -> int:
    """Make every so-manieth answer of a baseline another one; returns how many records changed."""
    results = ResultsFolder(folder, write=False)
    changed = 0
    for one in results:
        if one.baseline.name != baseline or one.status != "ok":
            continue
        answered = results.predictions_of(one).answered
        predicted = answered.predicted_TA.copy()
        classes = 2 if one.protocol.kind == "pairs" else len(one.pool)
        chosen = predicted.ravel()[::every]
        predicted.ravel()[::every] = np.where(chosen < classes, (chosen + 1) % classes, chosen)
        results.write(one, answered._replace(predicted_TA=predicted))
        changed += 1
    return changed


def answer_rightly(folder: Path, baseline: str) -> None:
    """Make all answers of a baseline to few-shot episodes right."""
    results = ResultsFolder(folder, write=False)
    for one in results:
        if one.baseline.name == baseline:
            predictions = results.predictions_of(one)
            episodes = predictions.episodes
            right_TA = np.repeat(episodes.classes_TN, episodes.query_TNQ.shape[2], axis=1)
            results.write(
                one, predictions.answered._replace(predicted_TA=right_TA.astype(np.uint8))
            )
