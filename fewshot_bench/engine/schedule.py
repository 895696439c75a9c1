"""Running a plan: every training is fitted once, answers every question, and keeps a record of each cell.

Shapes: M test images, D features, T episodes, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import Rule, checked_call, rule_of, scores_from_features
from fewshot_bench.contract.leaks import Leak, assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.provenance import provenance
from fewshot_bench.errors import PLUGIN_ERRORS, Diverged, NotApplicable, UserError
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.protocols.episode import NO_QUERY, blocks
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import NO_PREDICTION, ResultsFolder
from fewshot_bench.records.record import Record, Status
from fewshot_bench.seeds import derive, global_seed, seed_all

__all__ = ["Notify", "Progress", "execute", "fitted_baseline"]

LOOK_AGAIN = 1.0  # seconds until the records of other processes are looked for again
CHECKED, CHECKED_UP_TO = (
    8,
    50,
)  # episodes beside the first, among the first so many, in which leaks are looked for
TELL_EVERY = 16  # episodes answered one by one
INDICES = 8_000_000  # of images, in the episodes that are answered at once


@dataclass(frozen=True)
class Progress:
    """How far one training's work is. training: its seed, or train size and run, or nothing for the first seed; stage:
    train, embed, score, wait (for another process), explain, or done.
    """

    baseline: str
    training: str
    stage: str
    done: int = 0
    total: int = 0
    note: str = ""


Notify = Callable[[Progress], None]


def execute(plan: Plan, records: ResultsFolder, *, fresh: bool, notify: Notify) -> list[Record]:
    """The record of every cell of the plan, in its order; those on disk are not computed again, or removed if `fresh`.

    A training or cell that fails is recorded with its reason, and the others go on. A training that another process is
    at is left to it: its records are waited for, and taken over where that process dies.
    """
    if fresh:
        _forget(plan, records)
    found: dict[Training, list[Record]] = {}
    claims, before, waiting = (
        Claims(records.out / "claims"),
        _failed(plan, records),
        dict[Training, str](),
    )
    while len(found) < len(plan.trainings):
        for training, cells in plan.trainings.items():
            if training in found:
                continue
            fitted = fitted_baseline(plan, cells[0], records, notify)
            tell = fitted.tell
            with contextlib.ExitStack() as claimed:
                known = _known(plan, records, cells, before)
                if len(known) < len(cells):
                    holder = claimed.enter_context(claims.held(training.key))
                    if holder:
                        if waiting.get(training) != holder:
                            tell("wait", note=f"{holder} is at it")
                        waiting[training] = holder
                        continue
                    known = _known(
                        plan, records, cells, before
                    )  # another process may have ended by now
                work = _Work(plan, records, fitted)
                found[training] = [known.get(cell) or work.answer(cell) for cell in cells]
            tell("done", note=found[training][-1].status)
        if len(found) < len(plan.trainings):
            time.sleep(LOOK_AGAIN)
    return [record for training in plan.trainings for record in found[training]]


def fitted_baseline(
    plan: Plan, cell: Cell, records: ResultsFolder, notify: Notify
) -> FittedBaseline:
    """The training that serves a cell, fitted when that is first needed."""
    tell = partial(_tell, notify, cell.training.name, _which(cell))
    return FittedBaseline(plan.data, cell.training, plan.device, records, tell)


def _forget(plan: Plan, records: ResultsFolder) -> None:
    """Remove what is on disk of all that the plan asks, at once: one that is then stopped goes on without `fresh`."""
    for cells in plan.trainings.values():
        fitted_baseline(plan, cells[0], records, lambda progress: None).forget()
        for cell in cells:
            records.remove(_blank(plan, cell).stem)


def _failed(plan: Plan, records: ResultsFolder) -> dict[str, Record]:
    """The failures that an earlier run left: they are tried again."""
    there = (records.find(_blank(plan, cell).stem) for cell in plan.cells)
    return {
        record.stem: record for record in there if record is not None and record.status == "failed"
    }


def _known(
    plan: Plan, records: ResultsFolder, cells: Sequence[Cell], before: dict[str, Record]
) -> dict[Cell, Record]:
    """The records there are of these cells; of those that failed, the ones that did so since this run began."""
    there = {cell: records.find(_blank(plan, cell).stem) for cell in cells}
    return {
        cell: record
        for cell, record in there.items()
        if record is not None and before.get(record.stem) != record
    }


def _tell(
    notify: Notify,
    baseline: str,
    training: str,
    stage: str,
    done: int = 0,
    total: int = 0,
    note: str = "",
) -> None:
    notify(Progress(baseline, training, stage, done, total, note))


def _which(cell: Cell) -> str:
    """What sets a training apart from the others of its baseline."""
    seed, question = cell.training.seed, cell.question
    return (
        f"{question.label}, run {seed}"
        if question.is_classification
        else f"seed {seed}"
        if seed
        else ""
    )


def _blank(plan: Plan, cell: Cell, status: Status = "ok", reason: str = "") -> Record:
    """A cell's record before anything is known of its outcome."""
    training, question, data = cell.training, cell.question, plan.data
    card = training.kind.card
    return Record(
        key=cell.key,
        status=status,
        reason=reason,
        shots=question.shots,
        train_size=question.train_size,
        first_episode=question.first,
        episodes=question.episodes,
        episodes_digests=question.digests,
        protocol=question.protocol.as_dict(),
        pool=list(question.pool),
        dataset={
            "name": data.name,
            "digest": data.digest,
            "images": len(data),
            "dropped": len(data.dropped),
            "published": [
                {"system": system, **asdict(figure)} for system, figure in plan.published(question)
            ],
        },
        baseline={
            "name": training.name,
            "sha256": training.sha256,
            "title": card.title,
            "paper": card.paper,
            "year": card.year,
            "transductive": card.transductive,
            "published": [asdict(figure) for figure in card.published],
            "rule": rule_of(training.kind, is_classification=question.is_classification),
            "preset": training.preset,
            "settings_given": training.given,
            "settings": training.settings.as_dict(),
        },
        training={"key": training.key, "seed": training.seed, "version": training.version},
    )


@dataclass
class _Work:
    """The cells of one training."""

    plan: Plan
    records: ResultsFolder
    fitted: FittedBaseline
    failure: tuple[Status, str] | None = None

    def answer(self, cell: Cell) -> Record:
        """The record of one cell, kept on disk."""
        about = provenance(self.plan.device)
        record = _blank(self.plan, cell)
        asked = False
        try:
            if self.failure is not None:
                status, reason = self.failure
                return self._keep(record, about, status=status, reason=reason)
            learned, _ = self.fitted.trained
            if record.baseline["rule"] == "classifier":
                self.fitted.classes_M  # noqa: B018  made here, so that its seconds are not the scoring's
            elif record.baseline["rule"] != "predict":
                self.fitted.embeddings_MD  # noqa: B018
            self.fitted.tell("score", note=cell.question.label)
            start, asked = time.perf_counter(), True
            predicted = self._predicted(cell.question, record.baseline["rule"])
            seconds = {**self.fitted.seconds, "score": round(time.perf_counter() - start, 3)}
        except Diverged as error:
            if not asked:
                self.failure = ("diverged", str(error))
            return self._keep(record, about, status="diverged", reason=str(error))
        except NotApplicable as error:
            return self._keep(record, about, status="not applicable", reason=str(error))
        except PLUGIN_ERRORS as error:  # whatever a baseline does wrong is its own cell's failure
            reason = (
                str(error)
                if isinstance(error, (UserError, Leak))
                else f"{type(error).__name__}: {error}"
            )
            reason = " ".join(reason.split())  # one line, wherever it is shown
            if "trained" not in self.fitted.__dict__:
                self.failure = ("failed", reason)
            return self._keep(record, about, status="failed", reason=reason)
        if cell.question.file is not None:
            record = replace(record, episodes_file=self.records.keep_episodes(cell.question.file))
        return self._keep(
            record, about, predicted, training={**record.training, **learned}, seconds=seconds
        )

    def _keep(
        self,
        record: Record,
        about: dict[str, Any],
        predicted: npt.NDArray[np.uint8] | None = None,
        **changes: Any,
    ) -> Record:
        return self.records.write(replace(record, provenance=about, **changes), predicted)

    def _predicted(self, question: EpisodeSet, how: Rule) -> npt.NDArray[np.uint8]:
        """The test class predicted for each query, (T, N, Q); 255 at padding."""
        fitted = self.fitted
        position = np.full(
            len(fitted.data) + 1, NO_QUERY, dtype=np.int32
        )  # the last: where padding points to
        position[fitted.test] = np.arange(len(fitted.test))
        answer, parts = self._answerer(question, how), []
        size = max(
            1, INDICES // (question.protocol.ways * max(count for _, count in question.pool))
        )
        with global_seed(derive("answers", fitted.training.seed)), torch.no_grad():
            for _, part in blocks(
                question.source, question.first, question.first + question.episodes, size
            ):
                support, query = position[part.support_TNK], position[part.query_TNQ]
                ways = answer(support, query).reshape(len(part), -1)
                classes = np.take_along_axis(
                    part.classes_TN.astype(np.uint8), ways.astype(np.intp), axis=1
                )
                parts.append(
                    np.where(query >= 0, classes.reshape(query.shape), np.uint8(NO_PREDICTION))
                )
        return np.concatenate(parts)

    def _answerer(
        self, question: EpisodeSet, how: Rule
    ) -> Callable[[scoring.Ints, scoring.Ints], scoring.Ways]:
        """How support (T, N, K) and query (T, N, Q) become ways."""
        fitted, protocol = self.fitted, question.protocol
        if how == "classifier":
            return lambda support, query: fitted.classes_M[query]
        images = len(fitted.test)
        queries = protocol.queries or images // len(protocol.test_classes)
        vectors = question.episodes * protocol.ways * (question.shots + queries)
        if how in ("mean_cosine", "prototype"):
            prototype = how == "prototype"
            if scoring.pays(images, vectors):
                return partial(scoring.from_pairs, fitted.pairs_MM, prototype=prototype)
            return partial(
                scoring.from_embeddings, fitted.embeddings_MD.cpu().numpy(), prototype=prototype
            )
        if how == "pair" and images <= scoring.LARGEST_MATRIX and not question.is_classification:
            return partial(scoring.from_pairs, fitted.pairs_MM)
        return partial(scoring.predict_each, self._asker(question, how))

    def _asker(self, question: EpisodeSet, how: Rule) -> Callable[..., npt.NDArray[np.float32]]:
        """How one episode is put to a baseline that answers them one by one: its queries in random order."""
        fitted, baseline = self.fitted, self.fitted.baseline
        shuffle = torch.Generator().manual_seed(derive("queries", fitted.training.key))
        ask: Callable[[Tensor, Tensor], Tensor] = (
            partial(checked_call, baseline, "predict")
            if how == "predict"
            else partial(scores_from_features, baseline, how)
        )
        put, checked = (
            0,
            set(torch.randint(CHECKED_UP_TO, (CHECKED,), generator=shuffle).tolist()) | {0},
        )

        def inputs(positions: npt.NDArray[np.int64]) -> Tensor:
            if how != "predict":
                return fitted.embeddings_MD[torch.from_numpy(positions).to(fitted.device)]
            return fitted.images(positions)

        def answer(
            support_NK: npt.NDArray[np.int64], query_Q: npt.NDArray[np.int64]
        ) -> npt.NDArray[np.float32]:
            nonlocal put
            seed = derive("episode", fitted.training.seed, question.first + put)
            order = torch.randperm(len(query_Q), generator=shuffle)
            support, query = (
                inputs(support_NK.ravel()).unflatten(0, support_NK.shape),
                inputs(query_Q[order.numpy()]),
            )

            def scores_of(queries: Tensor) -> Tensor:
                seed_all(seed)  # an episode has one answer, whatever was asked before it
                return ask(support, queries).float()

            with (
                assert_untouched(baseline, support, query)
                if put in checked
                else contextlib.nullcontext()
            ):
                scores = scores_of(query)
            if not torch.isfinite(scores).all():
                raise Diverged(f"a score of a query is not finite, in episode {put}")
            if put in checked:
                fitted.inductive(baseline, scores_of, query, scores)
            put += 1
            if put % TELL_EVERY == 0:
                fitted.tell("score", put, question.episodes, question.label)
            return np.asarray(scores[order.argsort().to(scores.device)].cpu().numpy())

        return answer
