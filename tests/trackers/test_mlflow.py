"""MLflow's own client reads back what a run told it."""

import dataclasses
from pathlib import Path

import pytest

from fewshot_bench import api
from tests.helpers.runs import QUICK

tracking = pytest.importorskip("mlflow.tracking", reason="needs the extra mlflow")


def test_a_training_is_a_run_with_settings_losses_and_accuracies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    request = dataclasses.replace(
        QUICK, baselines=["protonet"], encoder="resnet18", budget=300, image_size=32
    )
    outcome = api.run(request, tmp_path, trackers=["mlflow"])
    client = tracking.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("fewshot-bench")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1
    run = runs[0]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "protonet"
    assert run.data.tags["dataset"] == "steel-sim"
    record = outcome.records[0]
    assert run.data.params == {name: str(value) for name, value in record.baseline.settings.items()}
    losses = client.get_metric_history(run.info.run_id, "loss")
    assert [(loss.step, loss.value) for loss in losses] == list(record.training.history)
    name = f"accuracy/{record.protocol.name}/{record.baseline.rule}"
    accuracies = client.get_metric_history(run.info.run_id, name)
    expected = outcome.table.set_index("shots")["accuracy"].to_dict()
    assert {point.step: point.value for point in accuracies} == pytest.approx(expected)


def test_the_store_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = (tmp_path / "elsewhere").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    api.run(dataclasses.replace(QUICK, shots=[1]), tmp_path / "out", trackers=["mlflow"])
    assert not (tmp_path / "out" / "mlruns").exists()
    client = tracking.MlflowClient(tracking_uri=store)
    assert client.get_experiment_by_name("fewshot-bench") is not None
