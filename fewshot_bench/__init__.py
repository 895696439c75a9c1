"""A few-shot benchmark for surface defects: which method recognises classes it has never seen, and is it better?"""

from __future__ import annotations

import importlib
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
    from fewshot_bench.dataset import DataCard, DataSet
    from fewshot_bench.errors import NotApplicable, UserError
    from fewshot_bench.labelled import LabelledImages
    from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings
    from fewshot_bench.pictures import Drawn, explain, map_features, plot, samples
    from fewshot_bench.protocol import Classification, FewShot
    from fewshot_bench.published import Published
    from fewshot_bench.request import Request
    from fewshot_bench.settings import Settings
    from fewshot_bench.show.page import report

_HOMES = {
    "Baseline": "baseline",
    "Card": "baseline",
    "Classification": "protocol",
    "Context": "baseline",
    "DataCard": "dataset",
    "DataSet": "dataset",
    "Drawn": "pictures",
    "FewShot": "protocol",
    "LabelledImages": "labelled",
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
    "explain": "pictures",
    "leaderboard": "api",
    "listing": "api",
    "map_features": "pictures",
    "plot": "pictures",
    "recalls": "api",
    "report": "show.page",
    "run": "api",
    "samples": "pictures",
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
