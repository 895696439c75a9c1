"""Running a plan: fit what is not yet fitted, embed once, answer every question, keep a record of each cell.

Shapes: M test images, D features, T episodes, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench import scoring
from fewshot_bench.baseline import Baseline, Context, capability
from fewshot_bench.check import Leak, depends_on_the_batch, untouched
from fewshot_bench.episode import Episodes
from fewshot_bench.errors import Diverged, UserError
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.plan import Cell, Plan, Training
from fewshot_bench.provenance import provenance
from fewshot_bench.records import NO_PREDICTION, Record, Records, Status
from fewshot_bench.seeds import derive, digest, global_seed

__all__ = ["Notify", "Progress", "execute"]

EMBED_BATCH = 256  # images
CHECKED, CHECKED_UP_TO = 8, 50  # episodes beside the first, among the first so many, in which leaks are looked for
PAIR_TILE = 128  # rows and columns of the score matrix that a pair head fills at once


@dataclass(frozen=True)
class Progress:
    """How far one training's work is: `stage` is train, embed, score, or done."""

    baseline: str
    seed: int
    stage: str
    done: int = 0
    total: int = 0
    note: str = ""


Notify = Callable[[Progress], None]


def execute(plan: Plan, records: Records, *, fresh: bool, notify: Notify) -> list[Record]:
    """The record of every cell of the plan, in its order; those on disk are not computed again unless `fresh`.

    A training or cell that fails is recorded with its reason, and the others go on.
    """
    found = []
    for training, cells in plan.trainings.items():
        work = _Work(plan, training, cells[0].question.protocol.test_classes, records, fresh, notify)
        for cell in cells:
            known = None if fresh else records.find(_blank(plan, cell).stem)
            found.append(known if known is not None and known.status != "failed" else work.answer(cell))
        notify(Progress(training.name, training.seed, "done", note=found[-1].status))
    return found


def _blank(plan: Plan, cell: Cell, status: Status = "ok", reason: str = "") -> Record:
    """A cell's record before anything is known of its outcome."""
    training, question, data = cell.training, cell.question, plan.data
    card = training.kind.card
    return Record(
        key=cell.key,
        status=status,
        reason=reason,
        shots=question.shots,
        episodes=question.episodes,
        episodes_digests=question.digests,
        protocol=question.protocol.as_dict(),
        pool=list(question.pool),
        dataset={"name": data.name, "digest": data.digest, "images": len(data), "dropped": len(data.dropped)},
        baseline={
            "name": training.name,
            "sha256": training.sha256,
            "title": card.title,
            "paper": card.paper,
            "year": card.year,
            "transductive": card.transductive,
            "published": [asdict(figure) for figure in card.published],
            "rule": capability(training.kind),
            "preset": training.preset,
            "settings_given": training.given,
            "settings": training.settings.as_dict(),
        },
        training={"key": training.key, "seed": training.seed, "version": training.version},
    )


@dataclass
class _Work:
    """One training and what is derived from it, each made when it is first needed."""

    plan: Plan
    training: Training
    test_classes: tuple[str, ...]
    records: Records
    fresh: bool
    notify: Notify
    seconds: dict[str, float] = field(default_factory=dict)
    failure: tuple[Status, str] | None = None

    def answer(self, cell: Cell) -> Record:
        """The record of one cell, kept on disk."""
        about = provenance(self.plan.device)
        record = _blank(self.plan, cell)
        try:
            if self.failure is not None:
                status, reason = self.failure
                return self._keep(record, about, status=status, reason=reason)
            baseline, learned = self.fitted
            if capability(self.training.kind) != "predict":
                self.embeddings_MD  # noqa: B018  made here, so that its seconds are not the scoring's
            self.tell("score", note=f"{cell.question.shots} shots")
            start = time.perf_counter()
            predicted = self._predicted(baseline, cell)
            seconds = {**self.seconds, "score": round(time.perf_counter() - start, 3)}
        except Diverged as error:
            self.failure = ("diverged", str(error))
            return self._keep(record, about, status="diverged", reason=str(error))
        except Exception as error:  # whatever a baseline does wrong is its own cell's failure
            reason = str(error) if isinstance(error, (UserError, Leak)) else f"{type(error).__name__}: {error}"
            if "fitted" not in self.__dict__:
                self.failure = ("failed", reason)
            return self._keep(record, about, status="failed", reason=reason)
        if cell.question.file is not None:
            record = replace(record, episodes_file=self.records.keep_episodes(cell.question.file))
        return self._keep(record, about, predicted, training={**record.training, **learned}, seconds=seconds)

    def _keep(
        self, record: Record, about: dict[str, Any], predicted: npt.NDArray[np.uint8] | None = None, **changes: Any
    ) -> Record:
        return self.records.write(replace(record, provenance=about, **changes), predicted)

    def tell(self, stage: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """Tell whoever watches."""
        self.notify(Progress(self.training.name, self.training.seed, stage, done, total, note))

    @cached_property
    def fitted(self) -> tuple[Baseline, dict[str, Any]]:
        """The baseline after `fit`, or loaded from its checkpoint, and what is to be recorded of the training."""
        training, place = self.training, f"trainings/{self.training.key}"
        history: list[tuple[int, float]] = []
        total = int(training.settings.as_dict().get("passes", 0))

        def progress(images_passed: int, loss: float) -> None:
            history.append((images_passed, loss))
            if not np.isfinite(loss):
                raise Diverged(f"the loss was {loss} after {images_passed} images passed; lower the learning rate")
            self.tell("train", images_passed, total, f"loss {loss:.3f}")

        context = Context(self.plan.device, derive("training", training.seed), progress)
        stored = None if self.fresh else self.records.load_tensors(place)
        with global_seed(context.seed):
            baseline = training.kind(training.settings)
            if stored is not None:
                baseline.load({name: value.to(self.plan.device) for name, value in stored[0].items()}, context=context)
                learned = stored[1]
            else:
                start = time.perf_counter()
                baseline.fit(self.plan.data.subset(training.train_classes), context=context)
                learned = {
                    "images_passed": history[-1][0] if history else 0,
                    "parameters": _parameters(baseline),
                    "history": history,
                    "seconds": round(time.perf_counter() - start, 3),
                }
                self.records.save_tensors(place, baseline.state(), learned)
        self.seconds["train"] = learned["seconds"]
        return baseline, {name: value for name, value in learned.items() if name != "seconds"}

    @cached_property
    def test(self) -> npt.NDArray[np.int64]:
        """Indices of the test images in the data set."""
        return self.plan.data.indices(self.test_classes)

    @cached_property
    def embeddings_MD(self) -> Tensor:
        """Features of the test images, float32: computed once and kept under the training's key."""
        baseline, _ = self.fitted
        place = f"embeddings/{self.training.key}-{digest(self.test_classes)[:8]}"
        stored = None if self.fresh else self.records.load_tensors(place)
        if stored is not None:
            self.seconds["embed"] = stored[1]["seconds"]
            return stored[0]["embeddings"].to(self.plan.device)
        start = time.perf_counter()
        order = torch.randperm(len(self.test), generator=torch.Generator().manual_seed(derive(self.training.key)))
        parts: list[Tensor] = []
        with global_seed(derive("embedding", self.training.seed)):
            for batch in order.split(EMBED_BATCH):
                self.tell("embed", EMBED_BATCH * len(parts), len(self.test))
                images = _tensor(self.plan.data, self.test[batch.numpy()], self.plan.device)
                with untouched(baseline, images):
                    parts.append(baseline.embed(images).float())
                if len(parts) == 1:
                    self._inductive(baseline, baseline.embed, images, parts[0])
        embeddings = torch.cat(parts)[order.argsort()]
        if not torch.isfinite(embeddings).all():
            raise Diverged("an embedding of a test image is not finite; lower the learning rate")
        self.seconds["embed"] = round(time.perf_counter() - start, 3)
        self.records.save_tensors(place, {"embeddings": embeddings}, {"seconds": self.seconds["embed"]})
        return embeddings

    def _inductive(self, baseline: Baseline, answer: Callable[[Tensor], Tensor], inputs: Tensor, together: Tensor) -> None:
        """Raise `Leak` where an answer depends on its batch though the baseline's card says nothing of it."""
        if not baseline.card.transductive and depends_on_the_batch(answer, inputs, together):
            raise Leak(
                "its answer to an image depends on the others it came with, though its card says transductive=False; "
                "answer each alone, or say transductive=True"
            )

    @cached_property
    def pairs_MM(self) -> npt.NDArray[np.float32]:
        """What `scoring.from_pairs` gathers from, for a baseline with a rule or with a pair head."""
        baseline, _ = self.fitted
        features = self.embeddings_MD
        if baseline.rule is not None:
            matrix = scoring.cosine_MM if baseline.rule == "mean_cosine" else scoring.prototype_MM
            return matrix(features.cpu().numpy())
        order = torch.randperm(len(features), generator=torch.Generator().manual_seed(derive("pairs", self.training.key)))
        features = features[order.to(features.device)]
        first = features[:PAIR_TILE]
        with global_seed(derive("pairs", self.training.seed)), untouched(baseline, features):
            tiles = [
                torch.cat([baseline.pair(rows, columns).float() for columns in features.split(PAIR_TILE)], dim=1)
                for rows in features.split(PAIR_TILE)
            ]
            self._inductive(baseline, lambda rows: baseline.pair(rows, first).float(), first, tiles[0][:, :PAIR_TILE])
        back = order.argsort().numpy()
        return np.asarray(torch.cat(tiles).cpu().numpy()[back][:, back])

    def _predicted(self, baseline: Baseline, cell: Cell) -> npt.NDArray[np.uint8]:
        """The test class predicted for each query, (T, N, Q); 255 at padding."""
        episodes = cell.question.source.draw(0, cell.question.episodes)
        position = np.full(len(self.plan.data), -1)
        position[self.test] = np.arange(len(self.test))
        support = position[episodes.support_TNK]
        query = np.where(episodes.asked_TNQ, position[episodes.query_TNQ], -1)
        ways = self._ways(baseline, Episodes(episodes.classes_TN, support, query))
        rows = np.arange(len(ways))[:, None, None]
        return np.where(query >= 0, episodes.classes_TN[rows, ways], NO_PREDICTION).astype(np.uint8)

    def _ways(self, baseline: Baseline, episodes: Episodes) -> npt.NDArray[np.int64]:
        """The way predicted for each query, by the first capability the baseline has."""
        asked = (episodes.support_TNK, episodes.query_TNQ)
        how = capability(type(baseline))
        prototype = how == "prototype"
        if how in ("mean_cosine", "prototype") and not scoring.pays(len(self.test)):
            return scoring.from_embeddings(self.embeddings_MD.cpu().numpy(), *asked, prototype=prototype)
        if how in ("mean_cosine", "prototype", "pair"):
            return scoring.from_pairs(self.pairs_MM, *asked, prototype=prototype)
        with global_seed(derive("answers", self.training.seed)):
            return scoring.predict_each(self._asker(baseline, how), *asked)

    def _asker(self, baseline: Baseline, how: str) -> Callable[..., npt.NDArray[np.float32]]:
        """How one episode is put to a baseline that answers them one by one: its queries in random order."""
        shuffle = torch.Generator().manual_seed(derive("queries", self.training.key))
        ask = baseline.classify if how == "classify" else baseline.predict
        asked, checked = 0, set(torch.randint(CHECKED_UP_TO, (CHECKED,), generator=shuffle).tolist()) | {0}

        def inputs(positions: npt.NDArray[np.int64]) -> Tensor:
            if how == "classify":
                return self.embeddings_MD[torch.from_numpy(positions).to(self.plan.device)]
            return _tensor(self.plan.data, self.test[positions], self.plan.device)

        def answer(support_NK: npt.NDArray[np.int64], query_Q: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
            nonlocal asked
            order = torch.randperm(len(query_Q), generator=shuffle)
            support, query = inputs(support_NK.ravel()).unflatten(0, support_NK.shape), inputs(query_Q[order.numpy()])
            with untouched(baseline, query) if asked in checked else contextlib.nullcontext():
                scores = ask(support, query).detach().float()
            if asked in checked:
                self._inductive(baseline, lambda alone: ask(support, alone).detach().float(), query, scores)
            asked += 1
            return np.asarray(scores[order.argsort().to(scores.device)].cpu().numpy())

        return answer


def _tensor(data: LabelledImages, indices: npt.NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(data.images[indices]).to(device)


def _parameters(baseline: Baseline) -> int:
    """Trainable numbers of its encoder."""
    network = baseline.network
    return sum(parameter.numel() for parameter in network.parameters()) if network is not None else 0
