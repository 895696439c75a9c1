"""easyfsl's classifiers, run on the features of the plain classifier `resnet`: named `easyfsl:TIM` and the like.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.errors import NotApplicable
from fewshot_bench.learn.train import TrainingSettings
from fewshot_bench.optional import library


@dataclass(frozen=True, kw_only=True)
class EasyFslSettings(TrainingSettings):
    """centre: features less the mean of the train images' first; normalise: features of unit length."""

    centre: bool = False
    normalise: bool = True


class EasyFsl(ResNet):
    """One of easyfsl's few-shot classifiers, with its own defaults; the training is that of `resnet`."""

    card = Card(title="easyfsl's classifiers", paper="Bennequin: Easy Few-Shot Learning")
    method: ClassVar[str]
    fewest_queries: ClassVar[int] = 1
    rule = None
    needs = ("easyfsl", "easyfsl")
    taught_by = "resnet"
    settings_type = EasyFslSettings
    settings: EasyFslSettings
    logits = Baseline.logits  # where there is a closed set it decides by references too

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from the features of one episode."""
        if len(query_QD) < self.fewest_queries:
            raise NotApplicable(f"{self.method} needs {self.fewest_queries} queries of an episode together, or more")
        ways, shots = support_NKD.shape[:2]
        classifier = self.classifier()
        labels = torch.arange(ways, device=support_NKD.device).repeat_interleave(shots)
        classifier.process_support_set(support_NKD.flatten(0, 1), labels)
        scores: Tensor = classifier(query_QD)
        return scores

    def classifier(self) -> Any:
        """A new classifier of easyfsl, on features as they are handed to it."""
        s, kind = self.settings, getattr(library(self.method, "easyfsl.methods", "easyfsl"), self.method)
        return kind(
            feature_centering=self.parts.get_buffer("centre") if s.centre else None,
            feature_normalization=2.0 if s.normalise else None,
        )


class _BdCspn(EasyFsl):
    """Prototypes are rectified by the queries that they attract."""

    card = Card(
        title="BD-CSPN (easyfsl)",
        paper="Liu et al.: Prototype Rectification for Few-Shot Learning (ECCV)",
        year=2020,
        transductive=True,
    )
    method = "BDCSPN"


class _Finetune(EasyFsl):
    """Prototypes are tuned on the support."""

    card = Card(
        title="Finetune (easyfsl)",
        paper="Chen et al.: A Closer Look at Few-shot Classification (ICLR)",
        year=2019,
    )
    method = "Finetune"


class _LaplacianShot(EasyFsl):
    """Neighbours among the queries get similar answers."""

    card = Card(
        title="LaplacianShot (easyfsl)",
        paper="Ziko et al.: Laplacian Regularized Few-Shot Learning (ICML)",
        year=2020,
        transductive=True,
    )
    method = "LaplacianShot"
    fewest_queries = 3  # the neighbours it looks at, a query itself being one


class _PtMap(EasyFsl):
    """Queries are shared out evenly among the classes by optimal transport."""

    card = Card(
        title="PT-MAP (easyfsl)",
        paper="Hu et al.: Leveraging the Feature Distribution in Transfer-based Few-Shot Learning",
        year=2020,
        transductive=True,
    )
    method = "PTMAP"


class _SimpleShot(EasyFsl):
    """Cosine similarity to prototypes."""

    card = Card(
        title="SimpleShot (easyfsl)",
        paper="Wang et al.: SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning",
        year=2019,
    )
    method = "SimpleShot"


class _Tim(EasyFsl):
    """Prototypes are tuned so that the queries' answers are sure and balanced."""

    card = Card(
        title="TIM (easyfsl)",
        paper="Boudiaf et al.: Transductive Information Maximization for Few-Shot Learning (NeurIPS)",
        year=2020,
        transductive=True,
    )
    method = "TIM"


class _TransductiveFinetuning(EasyFsl):
    """Prototypes are tuned on the support and so that the queries' answers are sure."""

    card = Card(
        title="Transductive fine-tuning (easyfsl)",
        paper="Dhillon et al.: A Baseline for Few-Shot Image Classification (ICLR)",
        year=2020,
        transductive=True,
    )
    method = "TransductiveFinetuning"


EasyFsl.variants = {
    "BD_CSPN": _BdCspn,
    "Finetune": _Finetune,
    "LaplacianShot": _LaplacianShot,
    "PTMAP": _PtMap,
    "SimpleShot": _SimpleShot,
    "TIM": _Tim,
    "TransductiveFinetuning": _TransductiveFinetuning,
}
