"""A few-shot benchmark for surface defects: which method recognises classes it has never seen, and is it better?"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fewshot_bench.api import (
        Outcome,
        check,
        compare,
        confusion,
        data,
        episodes,
        leaderboard,
        listing,
        recalls,
        run,
    )
    from fewshot_bench.baseline import Baseline, Card, Context
    from fewshot_bench.data.labelled import LabelledImages
    from fewshot_bench.dataset import DataCard, DataSet
    from fewshot_bench.errors import NotApplicable, UserError
    from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings
    from fewshot_bench.protocols.protocol import Classification, FewShot
    from fewshot_bench.published import Published
    from fewshot_bench.report.draw import Drawn, explain, map_features, plot, samples
    from fewshot_bench.report.page import report
    from fewshot_bench.request import Request
    from fewshot_bench.settings import Settings

_HOMES = {
    "Baseline": "baseline",
    "Card": "baseline",
    "Classification": "protocols.protocol",
    "Context": "baseline",
    "DataCard": "dataset",
    "DataSet": "dataset",
    "Drawn": "report.draw",
    "FewShot": "protocols.protocol",
    "LabelledImages": "data.labelled",
    "NotApplicable": "errors",
    "Outcome": "api",
    "Published": "published",
    "Request": "request",
    "Settings": "settings",
    "TrainedBaseline": "learn.train",
    "TrainingSettings": "learn.train",
    "UserError": "errors",
    "check": "api",
    "compare": "api",
    "confusion": "api",
    "data": "api",
    "episodes": "api",
    "explain": "report.draw",
    "leaderboard": "api",
    "listing": "api",
    "map_features": "report.draw",
    "plot": "report.draw",
    "recalls": "api",
    "report": "report.page",
    "run": "api",
    "samples": "report.draw",
}

__all__ = [
    "Baseline",
    "Card",
    "Classification",
    "Context",
    "DataCard",
    "DataSet",
    "Drawn",
    "FewShot",
    "LabelledImages",
    "NotApplicable",
    "Outcome",
    "Published",
    "Request",
    "Settings",
    "TrainedBaseline",
    "TrainingSettings",
    "UserError",
    "check",
    "compare",
    "confusion",
    "data",
    "episodes",
    "explain",
    "leaderboard",
    "listing",
    "map_features",
    "plot",
    "recalls",
    "report",
    "run",
    "samples",
]


def __getattr__(name: str) -> Any:
    """Public names resolve when they are first used, so that `bench --help` imports neither torch nor pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """This package. `data`, `explain`, `leaderboard` and `report` are functions here and folders too."""

    def __setattr__(self, name: str, value: object) -> None:
        """Python binds a folder to its package when it is imported; a public name keeps its function."""
        if name in _HOMES and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
