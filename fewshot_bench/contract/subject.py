"""A baseline under examination, and the images that it is examined on.

Shapes: C channels, H x W pixels, D features, N ways, K shots, Q queries, E images of a class.
"""

from __future__ import annotations

import contextlib
import copy
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.contract.answering import (
    OwnMethod,
    checked_call,
    episode_rule,
    own_method,
    scores_from_features,
)
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import Diverged, UserError
from fewshot_bench.learn.training_settings import chosen_by_method
from fewshot_bench.rule import Rule
from fewshot_bench.seeds import derive, generators_reset_by, global_seed
from fewshot_bench.settings import Settings

__all__ = ["FEW_PASSES", "SIDE", "TRAIN_CLASSES", "ShortTrainings", "Subject"]

SIDE = 32  # pixels
TRAIN_CLASSES = 5
TEST_CLASSES = 20
IMAGES_PER_CLASS = 24
DEFECT = (8, 8, 24, 24)  # left, top, right, bottom, in pixels
PATTERNS = 5  # different ones, each in several widths

# what a method trains with, where it does not choose itself
SMALL = {"encoder": "resnet18", "image_size": SIDE, "precision": "float32"}
# budgets, in images passed through the encoder
PASSES = 1800
FEW_PASSES = 64  # where two trainings are compared bit by bit: two batches

Picture = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class ShortTrainings:
    """Two trainings of a few batches, under the seeds 1 and 2.

    first: the baseline from seed 1; generators_reset: the global random generators that end in
    the same state under both seeds.
    """

    first: Baseline
    generators_reset: list[str]


class Subject:
    """A baseline under examination, with its images: patterns in noise, hardly shifted.

    rule_class: of the rule that it names, if it does; baseline: the one that most checks examine,
    from `train` on.
    """

    baseline: Baseline
    _as_fitted: Baseline

    def __init__(
        self, baseline_class: type[Baseline], rule_class: type[Rule] | None = None
    ) -> None:
        self.baseline_class = baseline_class
        self.rule_class = rule_class

    def settings(self, passes: int = PASSES) -> Settings:
        """Its settings, with a small encoder where it chooses none, and a small budget."""
        settings_type = self.baseline_class.settings_type
        values: dict[str, object] = {**SMALL, "passes": passes}
        for name in chosen_by_method(settings_type):
            values.pop(name, None)
        name = self.baseline_class.__name__
        settings = settings_type.given(name, settings_type.applicable(values))
        return settings.resolved()

    @property
    def answers_from_images(self) -> bool:
        """Whether its rule takes the images of an episode; else it takes their features."""
        return episode_rule(self.baseline_class) == "predict"

    @cached_property
    def train_images(self) -> LabelledImages:
        """Images of the train classes."""
        return _patterns(range(TEST_CLASSES, TEST_CLASSES + TRAIN_CLASSES), "train")

    @cached_property
    def test_NECHW(self) -> Tensor:
        """Images of the test classes."""
        test = _patterns(range(TEST_CLASSES), "test")
        images: Tensor = torch.from_numpy(test.images)
        return images.view(TEST_CLASSES, IMAGES_PER_CLASS, *images.shape[1:])

    def train(self) -> None:
        """Fit the baseline that most checks examine, and copy it before it answers anything."""
        self.baseline = self.fitted(0)
        self._as_fitted = self.baseline
        # one that cannot be copied is reported by the check that needs a copy
        with contextlib.suppress(Exception):
            self._as_fitted = copy.deepcopy(self.baseline)

    def fresh_copy(self) -> Baseline:
        """A copy of the baseline as `fit` left it; raises what copying raises."""
        return copy.deepcopy(self._as_fitted)

    @cached_property
    def other_images(self) -> LabelledImages:
        """Other images than `train_images`, of other classes."""
        return _patterns(range(TRAIN_CLASSES), "others")

    def fitted(
        self, seed: int, passes: int = PASSES, images: LabelledImages | None = None
    ) -> Baseline:
        """A new baseline, fitted as a run does it. images: to `train_images` if they are None."""
        with global_seed(seed):
            return self.fit(seed, passes, images)

    def fit(self, seed: int, passes: int, images: LabelledImages | None = None) -> Baseline:
        """As `fitted`, but with the global random generators as they are."""
        baseline = self.baseline_class(self.settings(passes))
        with torch.enable_grad():
            baseline.fit(images or self.train_images, context=self.context(seed))
        return baseline

    @cached_property
    def short_trainings(self) -> ShortTrainings:
        """Two trainings of a few batches, made once for the checks that look at them."""
        baselines: list[Baseline] = []

        def fit(seed: int) -> None:
            baselines.append(self.fit(seed, FEW_PASSES))

        generators = generators_reset_by(fit)
        return ShortTrainings(baselines[0], generators)

    @staticmethod
    def context(seed: int) -> Context:
        """A context on the processor; raises `Diverged` for a loss that is not finite."""

        def progress(images_passed: int, loss: float) -> None:
            if not math.isfinite(loss):
                raise Diverged(f"the loss was {loss} after {images_passed} images passed")

        return Context(torch.device("cpu"), derive("training", seed), progress)

    def episode(
        self, ways: int, shots: int, first: int = 0, queries: int = 4
    ) -> tuple[Tensor, Tensor]:
        """Support (N, K, C, H, W) and queries (N * queries, C, H, W), class by class.

        first: the first of the test classes, which are taken one after another.
        """
        images_NECHW = self.test_NECHW[first : first + ways]
        support = images_NECHW[:, :shots]
        query = images_NECHW[:, IMAGES_PER_CLASS - queries :]
        return support.contiguous(), query.flatten(0, 1).contiguous()

    @cached_property
    def reference_scores(self) -> Tensor:
        """The scores of `baseline` for `episode(3, 2)`, which several checks compare others to."""
        return self.scores(*self.episode(3, 2))

    def scores(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> Tensor:
        """Its scores (Q, N), float32, from one seed of the global random generators.

        baseline: which one answers, if not `self.baseline`.
        """
        with global_seed(1):
            return self.unseeded_scores(support_NKCHW, query_QCHW, baseline)

    def unseeded_scores(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> Tensor:
        """As `scores`, but with the global random generators as they are."""
        inputs = self.rule_inputs(support_NKCHW, query_QCHW, baseline)
        return self.scores_from_inputs(*inputs, baseline)

    @torch.no_grad()
    def rule_inputs(
        self, support_NKCHW: Tensor, query_QCHW: Tensor, baseline: Baseline | None = None
    ) -> tuple[Tensor, Tensor]:
        """What its rule takes: the images, or their features (N, K, D) and (Q, D), float32."""
        baseline = self.baseline if baseline is None else baseline
        if self.answers_from_images:
            return support_NKCHW, query_QCHW
        support = checked_call(baseline, "embed", support_NKCHW.flatten(0, 1))
        query = checked_call(baseline, "embed", query_QCHW)
        # copies, as in a run: they are no inference tensors, whatever the method computes in
        support = support.float().clone()
        query = query.float().clone()
        return support.unflatten(0, support_NKCHW.shape[:2]), query

    @torch.no_grad()
    def scores_from_inputs(
        self, support: Tensor, query: Tensor, baseline: Baseline | None = None
    ) -> Tensor:
        """The scores (Q, N), float32, from what `rule_inputs` gives."""
        baseline = self.baseline if baseline is None else baseline
        if self.answers_from_images:
            return checked_call(baseline, "predict", support, query).float()
        rule = self._rule(baseline) if self.rule_class else self._method()
        return scores_from_features(baseline, rule, support, query).float()

    def _method(self) -> OwnMethod:
        name = episode_rule(self.baseline_class)
        method = own_method(name)
        if method is None:
            raise UserError(f"{self.baseline_class.__name__}.rule is {name!r}, which is no rule")
        return method

    def _rule(self, baseline: Baseline) -> Rule:
        """Its rule, fitted to the features of its train images if the rule learns from them."""
        assert self.rule_class is not None
        rule = self.rule_class()
        if self.rule_class.learns():
            images = torch.from_numpy(self.train_images.images)
            features = checked_call(baseline, "embed", images).float()
            rule.fit(rule.powered(features), torch.from_numpy(self.train_images.labels))
        return rule


def _patterns(classes: range, use: str) -> LabelledImages:
    """Images of five patterns in several widths, a class each.

    All are told apart at a glance, also where they are flipped or turned by 90 degrees.
    """
    rng = np.random.default_rng(derive("patterns", use))
    images = []
    labels = []
    for label, number in enumerate(classes):
        for _ in range(IMAGES_PER_CLASS):
            pixels = 128 + 60 * _pattern(number, rng) + rng.normal(0, 8, (SIDE, SIDE))
            images.append(np.clip(pixels, 0, 255).astype(np.uint8)[None])
            labels.append(label)
    class_names = [f"{use}{number}" for number in classes]
    files = [f"{use}{index}" for index in range(len(labels))]
    # the pattern is all over the picture: which part of it is called a defect does not matter
    boxes = tuple(np.array([DEFECT]) for _ in files)
    return group_by_class("patterns", np.stack(images), labels, class_names, files, boxes=boxes)


def _pattern(number: int, rng: np.random.Generator) -> Picture:
    """The pattern of a class, -2 to 2, shifted at random by at most a tenth of its period."""
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / SIDE
    periods = 2 + 2 * (number // PATTERNS)
    u = 2 * np.pi * (periods * x + 0.1 * rng.random())
    v = 2 * np.pi * (periods * y + 0.1 * rng.random())
    r = 2 * np.pi * (periods * np.hypot(x, y) + 0.1 * rng.random())
    pattern: Picture
    match number % PATTERNS:
        case 0:
            pattern = np.sin(u)
        case 1:
            pattern = np.sin(u) * np.sin(v)
        case 2:
            pattern = np.sin(2 * r)
        case 3:
            pattern = np.sin(u + v)
        case _:
            pattern = np.sin(u) + np.sin(v)
    return pattern
