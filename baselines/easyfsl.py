"""easyfsl's classifiers, run on the features of the plain classifier `resnet`: named `easyfsl:TIM` and the like.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """One of easyfsl's few-shot classifiers, with the options of easyfsl's own benchmark (scripts/methods_configs.json of
    its repository); the training is that of `resnet`.
    """

    card = Card(title="easyfsl's classifiers", paper="Bennequin: Easy Few-Shot Learning")
    method: ClassVar[str]
    options: ClassVar[Mapping[str, float]] = {}
    rule = None
    needs = ("easyfsl", "easyfsl")
    taught_by = "resnet"
    settings_type = EasyFslSettings
    settings: EasyFslSettings
    logits = Baseline.logits  # where there is a closed set it decides by references too

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from the features of one episode."""
        ways, shots = support_NKD.shape[:2]
        fewest = self.fewest_queries(ways)
        if len(query_QD) < fewest:
            raise NotApplicable(
                f"{self.method} needs {fewest} queries of an episode together, or more"
            )
        classifier = self.classifier()
        labels = torch.arange(ways, device=support_NKD.device).repeat_interleave(shots)
        classifier.process_support_set(support_NKD.flatten(0, 1), labels)
        scores: Tensor = classifier(query_QD)
        return scores

    @staticmethod
    def fewest_queries(ways: int) -> int:
        """Of an episode of so many ways, that can be answered."""
        del ways
        return 1

    def classifier(self) -> Any:
        """A new classifier of easyfsl, on features as they are handed to it."""
        s, kind = (
            self.settings,
            getattr(library(self.method, "easyfsl.methods", "easyfsl"), self.method),
        )
        return kind(
            feature_centering=self.parts.get_buffer("centre") if s.centre else None,
            feature_normalization=2.0 if s.normalise else None,
            **self.options,
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
    options = {"fine_tuning_steps": 50, "fine_tuning_lr": 1e-4, "temperature": 10.0}


class _LaplacianShot(EasyFsl):
    """Neighbours among the queries get similar answers."""

    card = Card(
        title="LaplacianShot (easyfsl)",
        paper="Ziko et al.: Laplacian Regularized Few-Shot Learning (ICML)",
        year=2020,
        transductive=True,
    )
    method = "LaplacianShot"
    options = {"inference_steps": 10, "knn": 3, "lambda_regularization": 0.1}

    @staticmethod
    def fewest_queries(ways: int) -> int:
        """The neighbours it looks at, a query itself being one."""
        del ways
        return 3


class _PtMap(EasyFsl):
    """Queries are shared out evenly among the classes by optimal transport."""

    card = Card(
        title="PT-MAP (easyfsl)",
        paper="Hu et al.: Leveraging the Feature Distribution in Transfer-based Few-Shot Learning",
        year=2020,
        transductive=True,
    )
    method = "PTMAP"
    options = {
        "fine_tuning_steps": 30,
        "fine_tuning_lr": 0.3,
        "lambda_regularization": 10.0,
        "power_factor": 0.5,
    }

    @staticmethod
    def fewest_queries(ways: int) -> int:
        """One a way: with fewer it shares out none."""
        return ways


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
    options = {
        "fine_tuning_steps": 50,
        "fine_tuning_lr": 1e-3,
        "cross_entropy_weight": 1.0,
        "marginal_entropy_weight": 1.0,
        "conditional_entropy_weight": 0.5,
        "temperature": 10.0,
    }


class _TransductiveFinetuning(EasyFsl):
    """Prototypes are tuned on the support and so that the queries' answers are sure."""

    card = Card(
        title="Transductive fine-tuning (easyfsl)",
        paper="Dhillon et al.: A Baseline for Few-Shot Image Classification (ICLR)",
        year=2020,
        transductive=True,
    )
    method = "TransductiveFinetuning"
    options = {"fine_tuning_steps": 10, "fine_tuning_lr": 1e-4, "temperature": 10.0}


EasyFsl.variants = {
    "BD_CSPN": _BdCspn,
    "Finetune": _Finetune,
    "LaplacianShot": _LaplacianShot,
    "PTMAP": _PtMap,
    "SimpleShot": _SimpleShot,
    "TIM": _Tim,
    "TransductiveFinetuning": _TransductiveFinetuning,
}
