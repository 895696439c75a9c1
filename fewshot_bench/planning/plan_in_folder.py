"""A plan for a folder of results: its trainings are computed as is settled there."""

from __future__ import annotations

from fewshot_bench.data.cache_files import tell_once
from fewshot_bench.planning.plan import Plan, Training
from fewshot_bench.planning.settled import SettledFolder, settled_folder
from fewshot_bench.records.folder import ResultsFolder

__all__ = ["plan_in", "settled_for"]


def plan_in(results: ResultsFolder, plan: Plan, *, fresh: bool = False) -> Plan:
    """The plan, computed as is settled in the folder; where something is left to train, settle it.

    fresh: everything is trained again. Raises `UserError` where this machine cannot keep to what is
    settled, and something is left to train.
    """
    if not any(training.learns for training in plan.trainings):
        return plan
    folder = settled_folder(results, plan.machine)
    while True:
        plan = plan.computed_with(folder.computing)
        missing = []
        for training in plan.trainings:
            if training.learns and (fresh or _is_missing(training, plan, results)):
                missing.append(training)
        if not missing:
            return plan
        settled = settled_for(folder, missing)
        if settled == folder:
            return plan
        folder = settled


def settled_for(folder: SettledFolder, missing: list[Training]) -> SettledFolder:
    """The folder after it was settled for these trainings, as `SettledFolder.settled`.

    What the user should know of it is told before they begin.
    """
    needs_bf16 = False
    for training in missing:
        is_bf16 = training.settings.as_dict().get("precision") == "bf16"
        needs_bf16 |= training.takes_precision and is_bf16
    settled = folder.settled(needs_bf16=needs_bf16)
    if settled == folder:
        for note in settled.notes:
            tell_once(note)
    return settled


def _is_missing(training: Training, plan: Plan, results: ResultsFolder) -> bool:
    """Whether its `fit` has yet to run. What failed is tried again."""
    if results.paths.checkpoint(training.key).is_file():
        return False
    records = [results.find(cell.stem) for cell in plan.trainings[training]]
    return any(record is None or record.status == "failed" for record in records)
