"""The work on one training: its cells become records."""

from __future__ import annotations

import time
from dataclasses import replace

from fewshot_bench.contract.leaks import Leak
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline, Learned
from fewshot_bench.engine.pairs import PairPredictor
from fewshot_bench.engine.predict import Predictor, check_references
from fewshot_bench.engine.progress import OnProgress, StageReporter
from fewshot_bench.engine.provenance import provenance
from fewshot_bench.engine.threads import threads_set
from fewshot_bench.errors import PLUGIN_ERRORS, Diverged, NotApplicable, UserError
from fewshot_bench.planning.plan import Cell, Plan
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.answer_files import AnswerWriter
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import BaselinePart, DataSetPart, Record, Status, TrainingPart

__all__ = ["Work", "fitted_baseline"]


def fitted_baseline(
    plan: Plan, cell: Cell, folder: ResultsFolder, on_progress: OnProgress
) -> FittedBaseline:
    """The training that serves a cell; its `fit` runs when it is first needed."""
    training = cell.training
    report = StageReporter(training.name, _training_label(cell), training.identity, on_progress)
    return FittedBaseline(plan.data, training, plan.device, folder.paths, report)


def _training_label(cell: Cell) -> str:
    """What sets a training apart from the others of its baseline, for progress."""
    seed = cell.training.seed
    if cell.episode_set.is_classification:
        return f"{cell.episode_set.label}, run {seed}"
    parts = [f"seed {seed}"] if seed else []
    # in a run of all splits, each baseline is trained once for each of them
    protocol = cell.episode_set.protocol
    if protocol.is_one_of_splits:
        parts.append(f"tested on {' | '.join(protocol.test_classes)}")
    return ", ".join(parts)


class _Scoring:
    """Lets a predictor answer while what it answers is written.

    seconds: what that took, without writing; failure: what the predictor raised.
    """

    def __init__(self, predictor: Predictor | PairPredictor) -> None:
        self.predictor = predictor
        self.seconds = 0.0
        self.failure: BaseException | None = None

    def answer(self, writer: AnswerWriter) -> None:
        """Give the writer what the predictor answers."""
        start = time.perf_counter()
        try:
            self.predictor.answer(writer.add)
        except BaseException as error:
            if error is not writer.error:
                self.failure = error
            raise
        self.seconds = round(time.perf_counter() - start - writer.seconds, 3)


class Work:
    """Makes the records of the cells of one training."""

    def __init__(self, plan: Plan, folder: ResultsFolder, fitted: FittedBaseline) -> None:
        self.plan = plan
        self.folder = folder
        self.fitted = fitted
        self.features = Features(fitted)
        self._failure: tuple[Status, str] | None = None  # of the training: all cells share it

    def forget(self) -> None:
        """Remove what is on disk of the training and of what is made from it."""
        self.features.forget()
        self.fitted.forget()

    def record(self, cell: Cell) -> Record:
        """Answer the episodes of one cell, and keep its record. What fails is recorded too."""
        with threads_set(self.plan.threads(cell.training)):
            return self._record(cell)

    def _record(self, cell: Cell) -> Record:
        record = self._blank(cell)
        if self._failure is not None:
            status, reason = self._failure
            return self.folder.write(replace(record, status=status, reason=reason))
        is_training = True
        scoring: _Scoring | None = None
        try:
            chosen = (self.fitted.training.baseline_class, cell.rule)
            check_references(*chosen, cell.episode_set, self.plan.data)
            learned = self.fitted.train()
            predictor = self._predictor(cell)
            is_training = False
            self.fitted.report("score", note=cell.episode_set.label)
            scoring = _Scoring(predictor)
            record = self.folder.with_answers(record, scoring.answer)
        except Diverged as error:
            return self._failed(record, "diverged", str(error), of_training=is_training)
        except NotApplicable as error:
            return self._failed(record, "not applicable", str(error), of_training=False)
        except PLUGIN_ERRORS as error:
            if scoring is not None and error is not scoring.failure:
                raise  # it cannot be written, which is no fault of the baseline
            # whatever a baseline does wrong is the failure of its own cells
            reason = _reason(error)
            of_training = not self.fitted.is_trained
            return self._failed(record, "failed", reason, of_training=of_training)
        if cell.episode_set.file is not None:
            name = self.folder.keep_episodes(cell.episode_set.file)
            record = replace(record, episodes_file=name)
        if isinstance(predictor, PairPredictor):
            record = replace(record, threshold=predictor.threshold)
        else:
            record = replace(record, unfinished=predictor.unfinished)
        record = replace(
            record,
            training=_with_outcome(record.training, learned),
            seconds=self._seconds(cell, learned, score=scoring.seconds),
        )
        return self.folder.write(record)

    def failed(self, cell: Cell, reason: str) -> Record:
        """Keep the record of a cell that could not be worked on."""
        return self._failed(self._blank(cell), "failed", reason, of_training=False)

    def _blank(self, cell: Cell) -> Record:
        """The record of a cell whose work begins now."""
        return replace(_blank_record(self.plan, cell), provenance=provenance(self.plan.device))

    def _predictor(self, cell: Cell) -> Predictor | PairPredictor:
        asked = (self.fitted, self.features, cell.episode_set)
        if isinstance(cell.episode_set.protocol, Pairs):
            return PairPredictor(*asked, cell.rule)
        return Predictor(*asked, cell.rule)

    def _failed(self, record: Record, status: Status, reason: str, *, of_training: bool) -> Record:
        if of_training:
            self._failure = (status, reason)
        return self.folder.write(replace(record, status=status, reason=reason))

    def _seconds(self, cell: Cell, learned: Learned, *, score: float) -> dict[str, float]:
        seconds = {"train": learned.seconds}
        if self.features.seconds is not None:
            seconds["embed"] = self.features.seconds
        if cell.rule.reference_views > 1:
            with_views = seconds["embed"] + self.features.view_seconds
            seconds["embed"] = round(with_views, 3)
        return {**seconds, "score": score}


def _reason(error: BaseException) -> str:
    """What went wrong, on one line."""
    is_message = isinstance(error, (UserError, Leak))
    text = str(error) if is_message else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _with_outcome(training: TrainingPart, learned: Learned) -> TrainingPart:
    return replace(
        training,
        images_passed=learned.images_passed,
        parameters=learned.parameters,
        history=learned.history,
    )


def _blank_record(plan: Plan, cell: Cell) -> Record:
    """A cell's record before its outcome is known."""
    training = cell.training
    episode_set = cell.episode_set
    data = plan.data
    card = training.baseline_class.card
    return Record(
        key=cell.key,
        status="ok",
        shots=episode_set.shots,
        train_size=episode_set.train_size,
        first_episode=episode_set.first,
        episodes=episode_set.episodes,
        episodes_digests=episode_set.digests,
        protocol=episode_set.protocol,
        pool=episode_set.pool,
        groups=episode_set.groups,
        dataset=DataSetPart(
            name=data.name,
            digest=data.digest,
            images=len(data),
            dropped=len(data.dropped),
            group_by=data.group_by,
            contradictory=sum(len(copies) for copies in data.contradictions),
            near_duplicates=plan.images.near_duplicates,
            near_duplicates_dropped=plan.images.dropped,
            notes=data.notes,
            published=plan.published(episode_set),
        ),
        baseline=BaselinePart(
            name=training.name,
            sha256=training.plugin.sha256,
            title=card.title,
            paper=card.paper,
            year=card.year,
            transductive=card.transductive or cell.rule.is_transductive,
            published=tuple(card.published),
            rule=cell.rule.name,
            is_own_rule=cell.rule.is_own,
            rule_sha256=cell.rule.plugin.sha256 if cell.rule.plugin else "",
            rule_settings=cell.rule.recorded_settings,
            rule_settings_given=dict(cell.rule.given),
            preset=training.preset,
            settings_given=dict(training.given),
            settings=training.settings.as_dict(),
        ),
        training=TrainingPart(key=training.key, seed=training.seed, version=training.version),
    )
