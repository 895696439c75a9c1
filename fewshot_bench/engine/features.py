"""What one training makes of the embedded images: features, pair scores, classes.

Each is made when it is first needed, and kept on disk where that pays.
Shapes: M embedded images, D features.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import PAIR_TILE, checked_call, pair_scores
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import Diverged
from fewshot_bench.records.tensors import load_tensors, save_tensors
from fewshot_bench.seeds import derive, global_seed

__all__ = ["Features"]

EMBED_BATCH = 256  # images
ALIKE = 1e-5  # of their length: features no further apart than rounding are the same


class Features:
    """The features of a training. seconds: of embedding, as it was measured when they were made."""

    def __init__(self, fitted: FittedBaseline) -> None:
        self.fitted = fitted
        self.seconds: float | None = None
        training = fitted.training
        pool = training.split.embedded_digest[:8]
        self._embeddings_path = fitted.paths.embeddings(training.embedding_key, pool)
        self._pairs_path = fitted.paths.pairs(training.own_key, pool)

    def forget(self) -> None:
        """Remove what is on disk of them."""
        self._embeddings_path.unlink(missing_ok=True)
        self._pairs_path.unlink(missing_ok=True)

    @cached_property
    def embeddings_MD(self) -> Tensor:
        """Features of the embedded images, float32, on the device.

        They are kept under the key of the training, so that other shot values cost no second
        embedding. Those of a run are not kept: a run has one episode, and there may be many runs.
        """
        is_kept = self.fitted.training.split.run is None
        stored = load_tensors(self._embeddings_path) if is_kept else None
        if stored is not None:
            tensors, about = stored
            self.seconds = about["seconds"]
            return tensors["embeddings"].to(self.fitted.device)
        embed = partial(checked_call, self.fitted.baseline, "embed")
        embeddings = self._of_each_image(embed, "an embedding")
        if is_kept:
            about = {"seconds": self.seconds}
            save_tensors(self._embeddings_path, {"embeddings": embeddings}, about)
        return embeddings

    @cached_property
    def classes_M(self) -> npt.NDArray[np.uint8]:
        """The train class that a closed-set head gives each embedded image."""
        baseline = self.fitted.baseline
        classes = len(self.fitted.training.split.train_classes)

        def logits(images: Tensor) -> Tensor:
            scores = checked_call(baseline, "logits", images)
            if scores.shape != (len(images), classes):
                raise ValueError(
                    f"logits of {len(images)} images over {classes} classes came as "
                    f"{tuple(scores.shape)}"
                )
            return scores

        scores_MC = self._of_each_image(logits, "a score")
        return scores_MC.argmax(1).cpu().numpy().astype(np.uint8)

    @cached_property
    def pairs_MM(self) -> npt.NDArray[np.float32]:
        """The matrix that `scoring.from_pairs` reads.

        Scores of a pair head are kept on disk, as its network takes long to build.
        """
        embedding_rule = self.fitted.training.baseline_class.rule
        match embedding_rule:
            case "mean_cosine":
                return scoring.cosine_MM(self.embeddings_MD.cpu().numpy())
            case "prototype":
                return scoring.prototype_MM(self.embeddings_MD.cpu().numpy())
            case None:
                return self._pair_head_MM()
            case _:
                assert_never(embedding_rule)

    def _pair_head_MM(self) -> npt.NDArray[np.float32]:
        stored = load_tensors(self._pairs_path)
        if stored is not None:
            tensors, _ = stored
            return tensors["pairs"].numpy()
        pairs = self._pair_scores()
        save_tensors(self._pairs_path, {"pairs": pairs}, {})
        return pairs.numpy()

    def _of_each_image(self, answer: Callable[[Tensor], Tensor], what: str) -> Tensor:
        """What the baseline answers to each image, float32; images come in random order.

        what: the name of one answer with its article, for messages.
        """
        fitted = self.fitted
        training = fitted.training
        baseline = fitted.baseline
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(derive(training.key))
        order = torch.randperm(len(fitted.embedded), generator=generator)
        parts: list[Tensor] = []
        with global_seed(derive("embedding", training.seed)), torch.no_grad():
            for batch in order.split(EMBED_BATCH):
                fitted.report("embed", EMBED_BATCH * len(parts), len(order))
                images = fitted.images(batch.numpy())
                with assert_untouched(baseline, images):
                    parts.append(answer(images).float())
                if len(parts) == 1:
                    assert_inductive(baseline, answer, images, parts[0], of_scores=False)
        answers = torch.cat(parts)[order.argsort()]
        if not torch.isfinite(answers).all():
            raise Diverged(f"{what} of a test image is not finite; lower the learning rate")
        _check_not_collapsed(answers, noun=what.split()[-1])
        self.seconds = round(time.perf_counter() - start, 3)
        return answers

    def _pair_scores(self) -> Tensor:
        """A pair head's score of every reference (row) and query (column), on the processor."""
        baseline = self.fitted.baseline
        training = self.fitted.training
        embeddings = self.embeddings_MD
        generator = torch.Generator().manual_seed(derive("pairs", training.key))
        order = torch.randperm(len(embeddings), generator=generator)
        shuffled = embeddings[order.to(embeddings.device)]
        first = shuffled[:PAIR_TILE]
        seed = derive("pairs", training.seed)
        with global_seed(seed), torch.no_grad(), assert_untouched(baseline, shuffled):
            scores = pair_scores(baseline, shuffled, shuffled)
            together = scores[:PAIR_TILE, :PAIR_TILE]
            assert_inductive(
                baseline, lambda rows: baseline.pair(rows, first).float(), first, together
            )
        back = order.argsort()
        scores = scores.cpu()[back][:, back]
        if not torch.isfinite(scores).all():
            raise Diverged("a score of two test images is not finite; lower the learning rate")
        return scores.T.contiguous()


def _check_not_collapsed(answers_MD: Tensor, noun: str) -> None:
    """Raise `Diverged` where all images have the same answer."""
    spread = (answers_MD - answers_MD.mean(0)).norm(dim=1).max()
    length = answers_MD.norm(dim=1).max()
    if spread <= ALIKE * length:
        raise Diverged(
            f"it collapsed: all test images have the same {noun}; lower the learning rate"
        )
