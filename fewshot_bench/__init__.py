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
        Stopped,
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
    from fewshot_bench.baseline import Baseline, Context, EmbeddingSettings
    from fewshot_bench.card import Card
    from fewshot_bench.data.cache import cached_images
    from fewshot_bench.data.image_set import FITS, ImageSet, PictureSettings, read_images
    from fewshot_bench.data.images import (
        IMAGE_SUFFIXES,
        ImageHeader,
        decode_image,
        image_header,
        is_image,
    )
    from fewshot_bench.data.label_table import (
        MULTI_LABEL,
        LabelLayout,
        label_layout,
        layout_images,
        table_content,
    )
    from fewshot_bench.data.labelled import LabelledImages, group_by_class
    from fewshot_bench.data.layout import ClassLayout, alike_notes, class_layout
    from fewshot_bench.data.mask_boxes import mask_boxes
    from fewshot_bench.data.masks import Pictures, without_masks
    from fewshot_bench.data.tree import FileTree, natural_order
    from fewshot_bench.data.voc import AnnotatedBox, annotated_boxes
    from fewshot_bench.data.whole import check_counts, given_tree, refuse_incomplete
    from fewshot_bench.dataset import DataCard, DataSet
    from fewshot_bench.errors import NotApplicable, UserError
    from fewshot_bench.exchange import Merged, diff, merge
    from fewshot_bench.jobs.engine import Answer, Engine, EngineSettings, Job, WorkerLost
    from fewshot_bench.jobs.options import JobOptions
    from fewshot_bench.jobs.pool import WorkerPool, end_workers, run_job
    from fewshot_bench.learn.train import TrainedBaseline
    from fewshot_bench.learn.training_settings import TrainingSettings
    from fewshot_bench.new_class import export, predict, recommend
    from fewshot_bench.optional import library
    from fewshot_bench.outcome import Outcome
    from fewshot_bench.protocols.pairs import Pairs
    from fewshot_bench.protocols.protocol import Classification, FewShot
    from fewshot_bench.published import ALL_CLASSES, Published
    from fewshot_bench.records.paths import portable_name
    from fewshot_bench.report.draw import Drawn, explain, map_features, plot, samples
    from fewshot_bench.report.hard_pictures import HardPictures, hardest
    from fewshot_bench.report.page import report
    from fewshot_bench.request import Request
    from fewshot_bench.rule import Products, Rule, RuleSettings, Together, unit
    from fewshot_bench.seeds import derive
    from fewshot_bench.settings import Settings
    from fewshot_bench.tracker import CellDone, Ended, Event, Started, Step, Tracker

_HOMES = {
    "ALL_CLASSES": "published",
    "AnnotatedBox": "data.voc",
    "Answer": "jobs.engine",
    "Baseline": "baseline",
    "Card": "card",
    "CellDone": "tracker",
    "ClassLayout": "data.layout",
    "Classification": "protocols.protocol",
    "Context": "baseline",
    "DataCard": "dataset",
    "DataSet": "dataset",
    "Drawn": "report.draw",
    "EmbeddingSettings": "baseline",
    "Ended": "tracker",
    "Engine": "jobs.engine",
    "EngineSettings": "jobs.engine",
    "Event": "tracker",
    "FITS": "data.image_set",
    "FewShot": "protocols.protocol",
    "FileTree": "data.tree",
    "HardPictures": "report.hard_pictures",
    "IMAGE_SUFFIXES": "data.images",
    "ImageHeader": "data.images",
    "ImageSet": "data.image_set",
    "Job": "jobs.engine",
    "JobOptions": "jobs.options",
    "LabelLayout": "data.label_table",
    "LabelledImages": "data.labelled",
    "MULTI_LABEL": "data.label_table",
    "Merged": "exchange",
    "NotApplicable": "errors",
    "Outcome": "outcome",
    "Pairs": "protocols.pairs",
    "PictureSettings": "data.image_set",
    "Pictures": "data.masks",
    "Products": "rule",
    "Published": "published",
    "Request": "request",
    "Rule": "rule",
    "RuleSettings": "rule",
    "Settings": "settings",
    "Started": "tracker",
    "Step": "tracker",
    "Stopped": "api",
    "Together": "rule",
    "Tracker": "tracker",
    "TrainedBaseline": "learn.train",
    "TrainingSettings": "learn.training_settings",
    "UserError": "errors",
    "WorkerLost": "jobs.engine",
    "WorkerPool": "jobs.pool",
    "alike_notes": "data.layout",
    "annotated_boxes": "data.voc",
    "cached_images": "data.cache",
    "check": "api",
    "check_counts": "data.whole",
    "class_layout": "data.layout",
    "compare": "api",
    "confusion": "api",
    "data": "api",
    "decode_image": "data.images",
    "derive": "seeds",
    "diff": "exchange",
    "end_workers": "jobs.pool",
    "episodes": "api",
    "explain": "report.draw",
    "export": "new_class",
    "given_tree": "data.whole",
    "group_by_class": "data.labelled",
    "hardest": "report.hard_pictures",
    "image_header": "data.images",
    "is_image": "data.images",
    "label_layout": "data.label_table",
    "layout_images": "data.label_table",
    "leaderboard": "api",
    "library": "optional",
    "listing": "api",
    "map_features": "report.draw",
    "mask_boxes": "data.mask_boxes",
    "merge": "exchange",
    "natural_order": "data.tree",
    "plot": "report.draw",
    "portable_name": "records.paths",
    "predict": "new_class",
    "read_images": "data.image_set",
    "recalls": "api",
    "recommend": "new_class",
    "refuse_incomplete": "data.whole",
    "report": "report.page",
    "run": "api",
    "run_job": "jobs.pool",
    "samples": "report.draw",
    "table_content": "data.label_table",
    "unit": "rule",
    "without_masks": "data.masks",
}

__all__ = [
    "ALL_CLASSES",
    "FITS",
    "IMAGE_SUFFIXES",
    "MULTI_LABEL",
    "AnnotatedBox",
    "Answer",
    "Baseline",
    "Card",
    "CellDone",
    "ClassLayout",
    "Classification",
    "Context",
    "DataCard",
    "DataSet",
    "Drawn",
    "EmbeddingSettings",
    "Ended",
    "Engine",
    "EngineSettings",
    "Event",
    "FewShot",
    "FileTree",
    "HardPictures",
    "ImageHeader",
    "ImageSet",
    "Job",
    "JobOptions",
    "LabelLayout",
    "LabelledImages",
    "Merged",
    "NotApplicable",
    "Outcome",
    "Pairs",
    "PictureSettings",
    "Pictures",
    "Products",
    "Published",
    "Request",
    "Rule",
    "RuleSettings",
    "Settings",
    "Started",
    "Step",
    "Stopped",
    "Together",
    "Tracker",
    "TrainedBaseline",
    "TrainingSettings",
    "UserError",
    "WorkerLost",
    "WorkerPool",
    "alike_notes",
    "annotated_boxes",
    "cached_images",
    "check",
    "check_counts",
    "class_layout",
    "compare",
    "confusion",
    "data",
    "decode_image",
    "derive",
    "diff",
    "end_workers",
    "episodes",
    "explain",
    "export",
    "given_tree",
    "group_by_class",
    "hardest",
    "image_header",
    "is_image",
    "label_layout",
    "layout_images",
    "leaderboard",
    "library",
    "listing",
    "map_features",
    "mask_boxes",
    "merge",
    "natural_order",
    "plot",
    "portable_name",
    "predict",
    "read_images",
    "recalls",
    "recommend",
    "refuse_incomplete",
    "report",
    "run",
    "run_job",
    "samples",
    "table_content",
    "unit",
    "without_masks",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `bench --help` needs neither torch nor pandas."""
    if name == "__version__":
        from importlib import metadata  # slow, so only where it is asked for

        return metadata.version("fewshot-bench")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, which a notebook offers to complete."""
    return list(__all__)


class _Package(ModuleType):
    """This package, in which `data`, `explain`, `leaderboard` and `report` are also folders."""

    def __setattr__(self, name: str, value: object) -> None:
        """Keep the function of a public name when Python imports the folder of that name."""
        if name in _HOMES and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
