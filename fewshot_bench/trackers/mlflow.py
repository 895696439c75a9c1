"""MLflow: a run for each training, in the store that $MLFLOW_TRACKING_URI names, else in files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fewshot_bench import CellDone, Ended, Event, Started, Step, Tracker, library

EXPERIMENT = "fewshot-bench"
SETTINGS_AT_ONCE = 100  # that MLflow takes in one call


class MLflow(Tracker):
    """MLflow: settings, losses and accuracies, in OUT/mlruns or $MLFLOW_TRACKING_URI.

    A training is a run of the experiment `fewshot-bench`. The step of a loss is the number of
    images passed, and that of an accuracy the number of shots (or of train images).
    """

    needs = ("mlflow", "mlflow")

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        # nothing is sent to anyone but the store
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        address = os.environ.get("MLFLOW_TRACKING_URI", "")
        if not address:
            address = (out / "mlruns").resolve().as_uri()
            # MLflow's newer releases want to be told that plain files are meant
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self.entities = library("mlflow", "mlflow.entities", "mlflow")
        tracking = library("mlflow", "mlflow.tracking", "mlflow")
        self.client = tracking.MlflowClient(tracking_uri=address)
        self.runs: dict[str, str] = {}

    def hear(self, event: Event) -> None:
        """Pass an event on."""
        match event:
            case Started():
                self._begin(event)
            case Step():
                run = self.runs[event.training]
                self.client.log_metric(run, "loss", event.loss, step=event.images_passed)
            case CellDone():
                self._log_accuracy(event)
            case Ended():
                status = "FINISHED" if event.status == "ok" else "FAILED"
                self.client.set_terminated(self.runs.pop(event.training), status)

    def _begin(self, event: Started) -> None:
        name = f"{event.baseline} {event.label}".strip()
        tags = {"dataset": event.dataset, "preset": event.preset, "seed": str(event.seed)}
        run = self.client.create_run(self._experiment(), run_name=name, tags=tags).info.run_id
        self.runs[event.training] = run
        params: list[Any] = []
        for setting, value in event.settings.items():
            params.append(self.entities.Param(setting, str(value)))
        for first in range(0, len(params), SETTINGS_AT_ONCE):
            self.client.log_batch(run, params=params[first : first + SETTINGS_AT_ONCE])

    def _experiment(self) -> str:
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return str(self.client.create_experiment(EXPERIMENT))
        return str(experiment.experiment_id)

    def _log_accuracy(self, event: CellDone) -> None:
        record = event.record
        run = self.runs[event.training]
        for name, value in event.numbers.items():
            metric = f"{name}/{record.protocol.name}/{record.baseline.rule}"
            self.client.log_metric(run, metric, value, step=event.step)

    def close(self) -> None:
        """Mark the trainings that did not end."""
        for run in self.runs.values():
            self.client.set_terminated(run, "KILLED")
        self.runs.clear()
