"""A baseline under examination, and the pictures that it is examined on.

Shapes: C channels, H x W pixels, D features, N ways, K shots, Q queries, E pictures of a class.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.contract.answering import checked_call, episode_rule, scores_from_features
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import Diverged
from fewshot_bench.learn.encoder import chosen
from fewshot_bench.seeds import derive, global_seed
from fewshot_bench.settings import Settings

__all__ = ["FEW_PASSES", "SIDE", "TRAIN_CLASSES", "Subject"]

SIDE = 32  # pixels of the pictures
TRAIN_CLASSES, TEST_CLASSES, EACH = 5, 20, 24
QUICK = {"encoder": "resnet18", "image_size": SIDE, "precision": "float32"}
PASSES, FEW_PASSES = 1800, 64
CPU = torch.device("cpu")


@dataclass
class Subject:
    """A baseline under examination, with pictures: patterns in noise, hardly shifted."""

    kind: type[Baseline]

    def settings(self, passes: int = PASSES) -> Settings:
        """Its own, with a small encoder where it chooses none itself, and a small budget where it has one."""
        kind = self.kind.settings_type
        values = {
            name: value
            for name, value in {**QUICK, "passes": passes}.items()
            if name not in chosen(kind)
        }
        return kind.given(self.kind.__name__, kind.applicable(values))

    @cached_property
    def train(self) -> LabelledImages:
        """Pictures of the train classes."""
        return _patterns(range(TEST_CLASSES, TEST_CLASSES + TRAIN_CLASSES), "train")

    @cached_property
    def test_NECHW(self) -> Tensor:
        """Pictures of the test classes."""
        test = _patterns(range(TEST_CLASSES), "test")
        images: Tensor = torch.from_numpy(test.images)
        return images.view(TEST_CLASSES, EACH, *images.shape[1:])

    def fitted(self, seed: int, passes: int = PASSES) -> Baseline:
        """FittedBaseline anew, as a run does it."""
        with global_seed(seed):
            return self.fit(seed, passes)

    def fit(self, seed: int, passes: int) -> Baseline:
        """As `fitted`, whatever the global random generators hold."""
        baseline = self.kind(self.settings(passes))
        with torch.enable_grad():
            baseline.fit(self.train, context=self.context(seed))
        return baseline

    @staticmethod
    def context(seed: int) -> Context:
        """On the processor; a loss that is not finite stops it."""

        def progress(images_passed: int, loss: float) -> None:
            if not math.isfinite(loss):
                raise Diverged(f"the loss was {loss} after {images_passed} images passed")

        return Context(CPU, derive("training", seed), progress)

    @cached_property
    def baseline(self) -> Baseline:
        """The one that most checks look at."""
        return self.fitted(0)

    @cached_property
    def untold(self) -> Baseline:
        """A copy of it as `fit` left it, where it is made before it was asked anything."""
        return copy.deepcopy(self.baseline)

    def episode(
        self, ways: int, shots: int, first: int = 0, queries: int = 4
    ) -> tuple[Tensor, Tensor]:
        """Support (N, K, C, H, W) and queries (N * queries, C, H, W) of the classes from `first` on."""
        part = self.test_NECHW[first : first + ways]
        return part[:, :shots].contiguous(), part[:, EACH - queries :].flatten(0, 1).contiguous()

    def scores(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> Tensor:
        """Its scores (Q, N), float32, from its first episode_rule, under one seed of the global random generators."""
        with global_seed(1):
            return self.answer(support_NKCHW, query_QCHW, baseline)

    def answer(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> Tensor:
        """As `scores`, whatever the global random generators hold."""
        return self.decided(*self.handed(support_NKCHW, query_QCHW, baseline), baseline)

    @torch.no_grad()
    def handed(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> tuple[Tensor, Tensor]:
        """What its first capability is handed: the images of an episode, or features (N, K, D) and (Q, D), float32."""
        baseline = baseline or self.baseline
        if episode_rule(self.kind) == "predict":
            return support_NKCHW, query_QCHW
        found = (
            checked_call(baseline, "embed", support_NKCHW.flatten(0, 1)),
            checked_call(baseline, "embed", query_QCHW),
        )
        support, query = (
            part.float().clone() for part in found
        )  # a run's are no inference tensors either
        return support.unflatten(0, support_NKCHW.shape[:2]), query

    @torch.no_grad()
    def decided(self, support: Tensor, query: Tensor, baseline: Baseline | None = None) -> Tensor:
        """The scores (Q, N), float32, of what `handed` gives."""
        baseline, how = baseline or self.baseline, episode_rule(self.kind)
        if how == "predict":
            return checked_call(baseline, how, support, query).float()
        return scores_from_features(baseline, how, support, query).float()


def _patterns(classes: range, use: str) -> LabelledImages:
    """Five patterns in five widths, each told from every other at a glance, flipped or turned by 90 degrees too."""
    rng = np.random.default_rng(derive("patterns", use))
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / SIDE
    images, labels = [], []
    for label, number in enumerate(classes):
        for _ in range(EACH):
            u, v, r = (
                2 * np.pi * ((2 + 2 * (number // 5)) * way + 0.1 * rng.random())
                for way in (x, y, np.hypot(x, y))
            )
            pattern = (
                np.sin(u),
                np.sin(u) * np.sin(v),
                np.sin(2 * r),
                np.sin(u + v),
                np.sin(u) + np.sin(v),
            )[number % 5]
            pixels = 128 + 60 * pattern + rng.normal(0, 8, pattern.shape)
            images.append(np.clip(pixels, 0, 255).astype(np.uint8)[None])
            labels.append(label)
    names = [f"{use}{number}" for number in classes]
    return group_by_class(
        "patterns", np.stack(images), labels, names, [f"{use}{i}" for i in range(len(labels))]
    )
