"""One training and what is derived from it: the fitted baseline, embeddings of the test images, scores of all pairs.

Each is made when it is first needed, and kept on disk. Shapes: M test images, D features.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.contract.answering import PAIR_TILE, checked_call, pair_scores
from fewshot_bench.contract.leaks import Leak, assert_untouched, depends_on_the_batch
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine import scoring
from fewshot_bench.errors import Diverged, UserError
from fewshot_bench.planning.plan import Training
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.seeds import derive, global_seed

__all__ = ["FittedBaseline", "Tell"]

EMBED_BATCH = 256  # images
ALIKE = 1e-5  # of their length: features no further apart than rounding are the same
KEEP_EVERY = 60.0  # seconds of training, after which it is kept


class Tell(Protocol):
    """Tells whoever watches how far one stage is."""

    def __call__(self, stage: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """stage: train, embed or score."""


@dataclass
class FittedBaseline:
    """A training with the images it is asked about. seconds: by stage."""

    data: LabelledImages
    training: Training
    device: torch.device
    records: ResultsFolder
    tell: Tell
    seconds: dict[str, float] = field(default_factory=dict)

    def forget(self) -> None:
        """Remove what is on disk of the training and of what derives from it."""
        derived = (
            self._derived("embeddings", self.training.embedding_key),
            self._derived("pairs", self.training.own_key),
        )
        self.records.forget(self.checkpoint, self.unfinished, *derived)

    @cached_property
    def trained(self) -> tuple[dict[str, Any], Baseline | None]:
        """What is to be recorded of the training, after `fit` if there is no checkpoint; the baseline, if it was fitted."""
        about, baseline = self.records.about(self.checkpoint), None
        if about is None:
            about, baseline = self._fit()
        self.records.forget(self.unfinished)
        self.seconds["train"] = about["seconds"]
        return {name: value for name, value in about.items() if name != "seconds"}, baseline

    def _fit(self) -> tuple[dict[str, Any], Baseline]:
        """Fit, or go on from what was kept of a training that was interrupted."""
        training = self.training
        kept, about = self.records.load_tensors(self.unfinished) or (None, {})
        about = {"history": [], "seconds": 0.0, **about}
        history: list[tuple[int, float]] = [(passed, loss) for passed, loss in about["history"]]
        total = int(training.settings.as_dict().get("passes", 0))
        begun = time.perf_counter()
        due, has_space = begun + KEEP_EVERY, False

        def seconds() -> float:
            return float(round(about["seconds"] + time.perf_counter() - begun, 3))

        def keep(snapshot: Callable[[], Mapping[str, Tensor]]) -> None:
            nonlocal due, has_space
            if not has_space:
                self.records.need_space(sum(tensor.nbytes for tensor in snapshot().values()))
                has_space = True
            if time.perf_counter() >= due:
                self.records.save_tensors(
                    self.unfinished, snapshot(), {"history": history, "seconds": seconds()}
                )
                due = time.perf_counter() + KEEP_EVERY

        def progress(images_passed: int, loss: float) -> None:
            history.append((images_passed, loss))
            if not np.isfinite(loss):
                raise Diverged(
                    f"the loss was {loss} after {images_passed} images passed; lower the learning rate"
                )
            self.tell("train", images_passed, total, f"loss {loss:.3f}")

        context = dataclasses.replace(self._context(progress), keep=keep, resumed=kept)
        with (
            global_seed(context.seed),
            torch.enable_grad(),
        ):  # also where a notebook has turned gradients off
            baseline = training.kind(training.settings)
            split = training.split
            try:
                baseline.fit(self.data.subset(split.train_classes, split.train), context=context)
            except Diverged:
                self.records.forget(self.unfinished)
                raise
        learned = {
            "images_passed": history[-1][0] if history else 0,
            "parameters": _parameters(baseline),
            "history": history,
            "seconds": seconds(),
        }
        self.records.save_tensors(self.checkpoint, baseline.state(), learned)
        return learned, baseline

    def _context(self, progress: Callable[[int, float], None]) -> Context:
        return Context(self.device, derive("training", self.training.seed), progress)

    @property
    def checkpoint(self) -> str:
        """Where what `fit` learned is kept."""
        return f"trainings/{self.training.key}"

    @property
    def unfinished(self) -> str:
        """Where a training that is under way is kept."""
        return f"{self.checkpoint}.unfinished"

    def _derived(self, what: str, key: str) -> str:
        """Where something derived from the checkpoint and the test images is kept."""
        return f"{what}/{key}-{self.training.split.embedded_digest[:8]}"

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline after `fit`, or from its checkpoint: a network is built only where something is left to do."""
        _, baseline = self.trained
        if baseline is not None:
            return baseline
        stored = self.records.load_tensors(self.checkpoint)
        if stored is None:
            raise UserError(f"{self.checkpoint} has gone while it was used; run again")
        context = self._context(lambda images_passed, loss: None)
        with global_seed(context.seed):
            baseline = self.training.kind(self.training.settings)
            baseline.load(
                {name: value.to(self.device) for name, value in stored[0].items()}, context=context
            )
        return baseline

    @cached_property
    def test(self) -> npt.NDArray[np.int64]:
        """Indices in the data set of the test images, and of the references of a classification protocol."""
        return self.training.split.embedded.astype(np.int64)

    def images(self, positions: npt.NDArray[np.integer[Any]]) -> Tensor:
        """Test images by their positions among the test images."""
        return torch.from_numpy(self.data.images[self.test[positions]]).to(self.device)

    @cached_property
    def embeddings_MD(self) -> Tensor:
        """Features of the test images, float32: computed once and, for other shot values, kept under the training's key."""
        place = self._derived("embeddings", self.training.embedding_key)
        kept = self.training.split.run is None  # a run is asked one question, and there may be many
        stored = self.records.load_tensors(place) if kept else None
        if stored is not None:
            self.seconds["embed"] = stored[1]["seconds"]
            return stored[0]["embeddings"].to(self.device)
        embeddings = self._of_each(
            self.baseline, partial(checked_call, self.baseline, "embed"), "an embedding"
        )
        if kept:
            about = {"seconds": self.seconds["embed"]}
            self.records.save_tensors(place, {"embeddings": embeddings}, about)
        return embeddings

    @cached_property
    def classes_M(self) -> npt.NDArray[np.uint8]:
        """The train class that a closed-set head gives each test image."""
        classes = len(self.training.split.train_classes)

        def logits(images: Tensor) -> Tensor:
            scores = checked_call(self.baseline, "logits", images)
            if scores.shape != (len(images), classes):
                raise ValueError(
                    f"logits of {len(images)} images over {classes} classes came as {tuple(scores.shape)}"
                )
            return scores

        return (
            self._of_each(self.baseline, logits, "a score").argmax(1).cpu().numpy().astype(np.uint8)
        )

    def _of_each(self, baseline: Baseline, answer: Callable[[Tensor], Tensor], what: str) -> Tensor:
        """What the baseline answers to each test image, which come in random order, float32."""
        start = time.perf_counter()
        order = torch.randperm(
            len(self.test), generator=torch.Generator().manual_seed(derive(self.training.key))
        )
        parts: list[Tensor] = []
        with global_seed(derive("embedding", self.training.seed)), torch.no_grad():
            for batch in order.split(EMBED_BATCH):
                self.tell("embed", EMBED_BATCH * len(parts), len(self.test))
                images = self.images(batch.numpy())
                with assert_untouched(baseline, images):
                    parts.append(answer(images).float())
                if len(parts) == 1:
                    self.inductive(baseline, answer, images, parts[0], of_scores=False)
        answers = torch.cat(parts)[order.argsort()]
        if not torch.isfinite(answers).all():
            raise Diverged(f"{what} of a test image is not finite; lower the learning rate")
        if (answers - answers.mean(0)).norm(dim=1).max() <= ALIKE * answers.norm(dim=1).max():
            raise Diverged(
                f"it collapsed: all test images have the same {what.split()[-1]}; lower the learning rate"
            )
        self.seconds["embed"] = round(time.perf_counter() - start, 3)
        return answers

    def inductive(
        self,
        baseline: Baseline,
        answer: Callable[[Tensor], Tensor],
        inputs: Tensor,
        together: Tensor,
        **what: bool,
    ) -> None:
        """Raise `Leak` where an answer depends on its batch though the baseline's card says nothing of it.

        what: `of_scores`, as `depends_on_the_batch` takes it.
        """
        if not baseline.card.transductive and depends_on_the_batch(
            answer, inputs, together, **what
        ):
            raise Leak(
                "its answer to an image depends on the others it came with, though its card says transductive=False; "
                "answer each alone, or say transductive=True"
            )

    @cached_property
    def pairs_MM(self) -> npt.NDArray[np.float32]:
        """What `scoring.from_pairs` gathers from: of a pair head it is kept, as its network takes long to build."""
        rule = self.training.kind.rule
        if rule is not None:
            matrix = scoring.cosine_MM if rule == "mean_cosine" else scoring.prototype_MM
            return matrix(self.embeddings_MD.cpu().numpy())
        place = self._derived("pairs", self.training.own_key)
        stored = self.records.load_tensors(place)
        if stored is not None:
            return stored[0]["pairs"].numpy()
        pairs = self._pair_scores()
        self.records.save_tensors(place, {"pairs": pairs}, {})
        return pairs.numpy()

    def _pair_scores(self) -> Tensor:
        """A pair head's score of every reference (row) and query (column), tile after tile."""
        baseline, features = self.baseline, self.embeddings_MD
        order = torch.randperm(
            len(features),
            generator=torch.Generator().manual_seed(derive("pairs", self.training.key)),
        )
        features = features[order.to(features.device)]
        first = features[:PAIR_TILE]
        with (
            global_seed(derive("pairs", self.training.seed)),
            torch.no_grad(),
            assert_untouched(baseline, features),
        ):
            scores = pair_scores(baseline, features, features)
            together = scores[:PAIR_TILE, :PAIR_TILE]
            self.inductive(
                baseline, lambda rows: baseline.pair(rows, first).float(), first, together
            )
        back = order.argsort()
        scores = scores.cpu()[back][:, back]
        if not torch.isfinite(scores).all():
            raise Diverged("a score of two test images is not finite; lower the learning rate")
        return scores.T.contiguous()


def _parameters(baseline: Baseline) -> int:
    """Trainable numbers of its encoder."""
    network = baseline.network
    return (
        sum(parameter.numel() for parameter in network.parameters()) if network is not None else 0
    )
