"""easyfsl's classifiers as rules, named `easyfsl:TIM` and so on.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from fewshot_bench import Card, NotApplicable, Rule, RuleSettings, library


@dataclass(frozen=True, kw_only=True)
class EasyFslSettings(RuleSettings):
    """centre: first subtract the mean feature of the train images; normalise: to unit length."""

    centre: bool = False
    normalise: bool = True


class EasyFsl(Rule):
    """One of easyfsl's few-shot classifiers.

    method: its name in easyfsl.methods; options: those of easyfsl's own benchmark
    (scripts/methods_configs.json of its repository).
    """

    card = Card(title="easyfsl's classifiers", paper="Bennequin: Easy Few-Shot Learning")
    method: ClassVar[str]
    options: ClassVar[Mapping[str, float]] = {}
    needs = ("easyfsl", "easyfsl")
    settings_type = EasyFslSettings
    settings: EasyFslSettings

    def fit(self, train_MD: Tensor, labels_M: Tensor) -> None:
        """Take the mean (D,) of the train images."""
        del labels_M
        self.centre = train_MD.mean(0)

    def scores(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) of one episode's queries. Raises `NotApplicable` for too few of them."""
        ways, shots = support_NKD.shape[:2]
        fewest = self.fewest_queries(ways)
        if len(query_QD) < fewest:
            raise NotApplicable(
                f"{self.method} needs {fewest} queries of an episode together, or more"
            )
        classifier = self.classifier()
        labels = torch.arange(ways).repeat_interleave(shots)
        classifier.process_support_set(support_NKD.flatten(0, 1), labels)
        scores: Tensor = classifier(query_QD)
        return scores

    @staticmethod
    def fewest_queries(ways: int) -> int:
        """The smallest number of queries that an episode of so many ways may have."""
        del ways
        return 1

    def classifier(self) -> Any:
        """A new classifier of easyfsl, which takes features (it has no encoder)."""
        methods = library(self.method, "easyfsl.methods", "easyfsl")
        classifier_class = getattr(methods, self.method)
        centre = self.centre if self.settings.centre else None
        norm = 2.0 if self.settings.normalise else None
        return classifier_class(
            feature_centering=centre, feature_normalization=norm, **self.options
        )


class _BdCspn(EasyFsl):
    """Prototypes are corrected by the queries nearest to them."""

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
    """Queries that are neighbours get similar answers."""

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
        """The neighbours (`knn`) of a query, of which the query itself is one."""
        del ways
        return 3


class _PtMap(EasyFsl):
    """Optimal transport distributes the queries evenly over the classes."""

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
        """One for each way: fewer cannot be distributed evenly."""
        return ways


class _SimpleShot(EasyFsl):
    """Cosine similarity to prototypes."""

    card = Card(
        title="SimpleShot (easyfsl)",
        paper=(
            "Wang et al.: SimpleShot: Revisiting Nearest-Neighbor Classification "
            "for Few-Shot Learning"
        ),
        year=2019,
    )
    method = "SimpleShot"


class _Tim(EasyFsl):
    """Prototypes are tuned so that the answers are confident and balanced over the classes."""

    card = Card(
        title="TIM (easyfsl)",
        paper=(
            "Boudiaf et al.: Transductive Information Maximization for Few-Shot Learning (NeurIPS)"
        ),
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
    """Prototypes are tuned on the support, and so that the answers are confident."""

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
