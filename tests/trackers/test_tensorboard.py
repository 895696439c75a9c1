"""TensorBoard's own reader reads back what a run told it."""

import dataclasses
from pathlib import Path

import pytest

from fewshot_bench import api
from tests.helpers.runs import QUICK

reading = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="needs the extra tensorboard"
)


def test_each_training_has_a_folder_with_losses_and_accuracies(tmp_path: Path):
    request = dataclasses.replace(
        QUICK, baselines=["protonet", "pixels"], encoder="resnet18", budget=300, image_size=32
    )
    outcome = api.run(request, tmp_path, trackers=["tensorboard"])
    folders = sorted((tmp_path / "tensorboard").iterdir())
    assert [folder.name.partition("-")[0] for folder in folders] == ["pixels", "protonet"]
    record = next(record for record in outcome.records if record.baseline.name == "protonet")
    written = reading.EventAccumulator(str(folders[1]))
    written.Reload()
    losses = [(event.step, event.value) for event in written.Scalars("loss")]
    assert losses == [(step, pytest.approx(loss)) for step, loss in record.training.history]
    tag = f"accuracy/{record.protocol.name}/{record.baseline.rule}"
    table = outcome.table[outcome.table["baseline"] == "protonet"]
    for column, name in (("accuracy", tag), ("ci95_low", tag.replace("/", "_low/", 1))):
        points = {event.step: event.value for event in written.Scalars(name)}
        expected = table.set_index("shots")[column].to_dict()
        assert points == pytest.approx(expected, abs=1e-6)
