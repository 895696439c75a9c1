"""A few-shot benchmark for surface defects.

Which method recognises classes it has never seen, and is it really better?
"""

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
    from fewshot_bench.baseline import Baseline, Card, Context, EmbeddingSettings
    from fewshot_bench.data.cache import cached_images
    from fewshot_bench.data.images import (
        IMAGE_SUFFIXES,
        ImageHeader,
        decode_image,
        image_header,
        is_image,
    )
    from fewshot_bench.data.labelled import LabelledImages, group_by_class
    from fewshot_bench.data.tree import FileTree, natural_order
    from fewshot_bench.dataset import DataCard, DataSet
    from fewshot_bench.errors import NotApplicable, UserError
    from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings
    from fewshot_bench.optional import library
    from fewshot_bench.protocols.protocol import Classification, FewShot
    from fewshot_bench.published import ALL_CLASSES, Published
    from fewshot_bench.report.draw import Drawn, explain, map_features, plot, samples
    from fewshot_bench.report.page import report
    from fewshot_bench.request import Request
    from fewshot_bench.rule import Products, Rule, RuleSettings, unit
    from fewshot_bench.seeds import derive
    from fewshot_bench.settings import Settings

_HOMES = {
    "ALL_CLASSES": "published",
    "Baseline": "baseline",
    "Card": "baseline",
    "Classification": "protocols.protocol",
    "Context": "baseline",
    "DataCard": "dataset",
    "DataSet": "dataset",
    "Drawn": "report.draw",
    "EmbeddingSettings": "baseline",
    "FewShot": "protocols.protocol",
    "FileTree": "data.tree",
    "IMAGE_SUFFIXES": "data.images",
    "ImageHeader": "data.images",
    "LabelledImages": "data.labelled",
    "NotApplicable": "errors",
    "Outcome": "api",
    "Products": "rule",
    "Published": "published",
    "Request": "request",
    "Rule": "rule",
    "RuleSettings": "rule",
    "Settings": "settings",
    "TrainedBaseline": "learn.train",
    "TrainingSettings": "learn.train",
    "UserError": "errors",
    "cached_images": "data.cache",
    "check": "api",
    "compare": "api",
    "confusion": "api",
    "data": "api",
    "decode_image": "data.images",
    "derive": "seeds",
    "episodes": "api",
    "explain": "report.draw",
    "group_by_class": "data.labelled",
    "image_header": "data.images",
    "is_image": "data.images",
    "leaderboard": "api",
    "library": "optional",
    "listing": "api",
    "map_features": "report.draw",
    "natural_order": "data.tree",
    "plot": "report.draw",
    "recalls": "api",
    "report": "report.page",
    "run": "api",
    "samples": "report.draw",
    "unit": "rule",
}

__all__ = [
    "ALL_CLASSES",
    "IMAGE_SUFFIXES",
    "Baseline",
    "Card",
    "Classification",
    "Context",
    "DataCard",
    "DataSet",
    "Drawn",
    "EmbeddingSettings",
    "FewShot",
    "FileTree",
    "ImageHeader",
    "LabelledImages",
    "NotApplicable",
    "Outcome",
    "Products",
    "Published",
    "Request",
    "Rule",
    "RuleSettings",
    "Settings",
    "TrainedBaseline",
    "TrainingSettings",
    "UserError",
    "cached_images",
    "check",
    "compare",
    "confusion",
    "data",
    "decode_image",
    "derive",
    "episodes",
    "explain",
    "group_by_class",
    "image_header",
    "is_image",
    "leaderboard",
    "library",
    "listing",
    "map_features",
    "natural_order",
    "plot",
    "recalls",
    "report",
    "run",
    "samples",
    "unit",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `bench --help` needs neither torch nor pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Package(ModuleType):
    """This package, in which `data`, `explain`, `leaderboard` and `report` are also folders."""

    def __setattr__(self, name: str, value: object) -> None:
        """Keep the function of a public name when Python imports the folder of that name."""
        if name in _HOMES and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
