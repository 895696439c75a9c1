"""A classifier from labelled pictures: references, a fitted rule and its calibration.

Shapes: M references, D features, N classes, K references of a class, Q queries.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.walk import counted, some
from fewshot_bench.deploy.calibration import ACCEPTED, Calibration, HeldOut, calibrated, reliability
from fewshot_bench.deploy.chosen import ChosenMethod, chosen_method, default_method
from fewshot_bench.deploy.classifier import Answerer
from fewshot_bench.deploy.features import MethodFeatures, method_features
from fewshot_bench.deploy.held_out import classes_of, held_out
from fewshot_bench.deploy.method import Method, read_method, read_options
from fewshot_bench.deploy.references import References, pixels_of, read_references
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["Classifier", "Question", "classifier"]

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a user has, and asks to be decided.

    known: folder or archive of the known classes, all of whose pictures are references; new: of the
    new ones; method: its name, such as frozen+whitened; recommendation: file or folder of one, in
    its place; request: how data is read, and the preset, budget, device and settings; out: folder
    of results, where a training is kept.
    """

    known: Path | str | None = None
    new: Path | str | None = None
    method: str | None = None
    recommendation: Path | str | None = None
    request: Request = field(default_factory=Request)
    out: Path | str = "results"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A method with its references, ready to decide.

    reference_MD: features of the references, known ones first; answerer: fitted on all known ones;
    support_NKD: transformed features by class; reliability: of held-out references.
    """

    chosen: ChosenMethod
    references: References
    features: MethodFeatures
    reference_MD: Tensor
    answerer: Answerer
    support_NKD: Tensor
    calibration: Calibration
    reliability: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Known classes, then new ones."""
        return self.references.class_names

    @property
    def known_references(self) -> int:
        """How many references are of known classes."""
        known = self.references.known
        return 0 if known is None else len(known)

    @property
    def reference_pixels(self) -> list[bytes]:
        """A digest of the pixels of each reference."""
        digests: list[bytes] = []
        for images in self.references.sets:
            digests += pixels_of(images)
        return digests

    def scores(self, images: LabelledImages) -> npt.NDArray[np.float64]:
        """Raw scores (Q, N) of pictures."""
        transformed_QD = self.answerer.transform(self.features.of(images))
        return self.answerer.scores(self.support_NKD, transformed_QD)


@contextlib.contextmanager
def classifier(question: Question, registry: Registry, notify: OnProgress) -> Iterator[Classifier]:
    """The classifier that a question asks for; it can decide within the block.

    Raises `UserError` for what cannot be read or answered.
    """
    notes: list[str] = []
    method = _method(question, registry, notes)
    has_known = question.known is not None
    chosen = chosen_method(method, question.request, registry, has_known=has_known)
    data_request = _data_request(question.request)
    references = read_references(question.known, question.new, data_request, registry)
    notes += [*chosen.notes, *references.notes]
    train = references.sets[0]
    with method_features(chosen, train, Path(question.out), notify) as features:
        yield _made(chosen, references, features, notes)


def _method(question: Question, registry: Registry, notes: list[str]) -> Method:
    """The method that is named, recommended, or the default, with a note."""
    if question.method is not None and question.recommendation is not None:
        raise UserError(
            f"--method {question.method} and --recommendation {question.recommendation} are two "
            "methods; leave one out"
        )
    if question.method is not None:
        return Method.parse(question.method)
    if question.recommendation is not None:
        method = read_method(question.recommendation)
        notes.append(f"the method is {method.label}, as recommended")
        notes += _other_options(question)
        return method
    method = default_method(registry, has_known=question.known is not None)
    notes.append(
        f"the method is {method.name}, the default; bench recommend finds the best one for your "
        "classes, --method names another"
    )
    return method


def _other_options(question: Question) -> list[str]:
    """A note where pictures were recommended with other options than they are decided with."""
    assert question.recommendation is not None
    other = []
    for option, value in read_options(question.recommendation).items():
        name = option.removeprefix("--").replace("-", "_")
        if str(getattr(question.request, name, None)) != value:
            other.append(f"{option} {value}")
    if not other:
        return []
    return [f"it was recommended with {', '.join(other)}, which is not given here"]


def _data_request(request: Request) -> Request:
    """How references are read."""
    return Request(
        class_level=request.class_level,
        fit=request.fit,
        keep_masks=request.keep_masks,
        near_duplicates="keep",
    )


def _made(
    chosen: ChosenMethod, references: References, features: MethodFeatures, notes: list[str]
) -> Classifier:
    labels_M = _labels(references)
    features_MD = torch.cat([features.of(images) for images in references.sets])
    views_VMD = None
    if chosen.rule.reference_views > 1:
        of_sets = [features.views_of(images) for images in references.sets]
        views_VMD = torch.cat(of_sets, dim=1)
    known = references.known_classes

    def fit(learned_M: npt.NDArray[np.bool_]) -> Answerer:
        """The rule after it learned from some of the known references."""
        return Answerer(
            chosen.rule,
            lambda: features.baseline,
            features_MD,
            features_MD[torch.from_numpy(learned_M)],
            labels_M[learned_M],
            views_VMD,
        )

    answerer = fit(labels_M < known)
    held = held_out(fit, labels_M, known)
    counts_N = np.bincount(labels_M)
    calibration = calibrated(held, known=known)
    notes = [*notes, *_calibration_notes(chosen, references, counts_N, calibration)]
    return Classifier(
        chosen=chosen,
        references=references,
        features=features,
        reference_MD=features_MD,
        answerer=answerer,
        support_NKD=classes_of(answerer.reference_MVD, labels_M, known),
        calibration=calibration,
        reliability=_reliability(held, calibration),
        notes=tuple(notes),
    )


def _labels(references: References) -> Labels:
    """The class (M,) of each reference, known classes first."""
    parts = []
    before = 0
    for images in references.sets:
        parts.append(images.labels + before)
        before += len(images.class_names)
    return np.concatenate(parts)


def _reliability(held: HeldOut, calibration: Calibration) -> Mapping[str, Any]:
    """How often held-out references of about one probability were right."""
    probability_MN = calibration.probabilities(held.scores_MN)
    right_M = held.scores_MN.argmax(1) == held.labels_M
    return reliability(probability_MN.max(1), right_M, held.weights_M)


def _calibration_notes(
    chosen: ChosenMethod, references: References, counts_N: Labels, calibration: Calibration
) -> list[str]:
    """What a user should know of how far probabilities and flags can be trusted."""
    names = np.array(references.class_names, dtype=object)
    notes = []
    alone = names[counts_N == 1].tolist()
    if alone:
        count = counted(len(alone), "class has", "classes have")
        notes.append(
            f"{count} one picture ({some(alone)}): probabilities are those of the others, which "
            "may be too sure here"
        )
    unflagged = names[np.isnan(calibration.spread_N)].tolist()
    if unflagged:
        notes.append(
            f"no picture taken for {some(unflagged)} is flagged unknown: its pictures are too few "
            "to tell what is typical; more do"
        )
    if chosen.baseline_class.learns_from == "images":
        notes.append(
            f"{chosen.method.name} was trained on the known pictures that its probabilities are "
            "fitted to: they are too sure"
        )
    if len(unflagged) == len(names):
        return notes
    share = f"{ACCEPTED:.0%}".replace("%", " %")
    notes.append(
        f"unknown: the flag was set so that {share} of held-out references are accepted; "
        "pictures of a class that looks like one of these may still be"
    )
    return notes
