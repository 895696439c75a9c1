"""The columns that a record fills without its predictions: what was run, and on what."""

from __future__ import annotations

from typing import Any

from fewshot_bench.leaderboard.columns import QUESTION
from fewshot_bench.leaderboard.open_rows import LISTED, is_open_set, known_classes, known_text
from fewshot_bench.leaderboard.pair_rows import number_of_pairs
from fewshot_bench.protocols.split import size_text
from fewshot_bench.published import ALL_CLASSES, Published
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest

__all__ = [
    "LISTED",
    "method_parts",
    "printed_figures",
    "question_key",
    "record_columns",
    "row_key",
]

# what a protocol lists for all its runs; rows of another list may share a run
OF_PROTOCOL_LISTS = ("shots", "train_sizes", "runs")


def record_columns(record: Record, name: str) -> dict[str, Any]:
    """The columns of a leaderboard that say what was run and on what. name: of the row."""
    baseline = record.baseline
    protocol = record.protocol
    settings = baseline.settings
    pairs = number_of_pairs(record)
    return {
        "baseline": name,
        "encoder": settings.get("encoder"),
        "weights": settings.get("weights"),
        "preset": baseline.preset,
        "dataset": protocol.dataset,
        "protocol": protocol.name,
        "ways": protocol.ways,
        "shots": record.shots,
        "train_size": record.train_size,
        "pairs": pairs,
        "queries": protocol.queries_text,
        "episodes": record.episodes if pairs is None else None,
        "episode_seed": protocol.episode_seed,
        "rule": baseline.rule,
        "threshold": record.threshold.source if record.threshold is not None else None,
        "transductive": baseline.transductive,
        "image_size": settings.get("image_size"),
        "precision": settings.get("precision"),
        "settings": _settings_digest(record),
        "train_classes": LISTED.join(protocol.train_classes),
        "test_classes": LISTED.join(protocol.test_classes),
        "known_classes": known_text(record),
        "open_set": is_open_set(record),
        "unlabelled": size_text(protocol.unlabelled) if protocol.unlabelled else "",
        "episodes_digest": record.episodes_digest,
        "episodes_file": record.episodes_file,
        "group_by": record.dataset.group_by,
        "dataset_digest": record.dataset.digest[:32],
        "source": baseline.sha256[:12],
        "version": record.training.version,
        **_published(record),
        "key": row_key(record)[:16],
    }


def question_key(record: Record) -> tuple[Any, ...]:
    """The values of the columns that rows of one ranking share."""
    columns = record_columns(record, record.baseline.name)
    return tuple(columns[name] for name in QUESTION)


def row_key(record: Record) -> str:
    """A digest of what the trainings of one row share."""
    baseline = record.baseline
    protocol = record.protocol.as_dict()
    for name in OF_PROTOCOL_LISTS:
        protocol.pop(name, None)
    is_few_shot = record.train_size is None
    episodes = record.episodes_digest if is_few_shot else size_text(record.condition)
    grouping = (record.dataset.group_by, record.groups) if record.groups else ()
    return digest(
        protocol,
        record.dataset.digest,
        record.shots,
        episodes,
        baseline.preset,
        *grouping,
        *method_parts(record),
    )


def method_parts(record: Record) -> tuple[Any, ...]:
    """What makes two records those of one method: name, settings, code and version."""
    baseline = record.baseline
    return (
        baseline.answerer,
        baseline.all_settings,
        *baseline.code,
        record.training.version,
    )


def _settings_digest(record: Record) -> str:
    """A digest of the settings, without a budget that follows from the number of train images."""
    settings = record.baseline.all_settings
    if record.train_size is not None and "passes" not in record.baseline.settings_given:
        settings.pop("passes", None)
    return digest(settings)[:12]


def printed_figures(record: Record) -> list[Published]:
    """What a paper prints about this baseline, for the protocol and condition of this record."""
    if not record.baseline.is_own_rule or known_classes(record) or record.protocol.unlabelled:
        return []  # the paper answered by its own rule, among new classes, with all labels
    question = (record.protocol.name, size_text(record.condition))
    figures = record.baseline.published
    return [figure for figure in figures if (figure.protocol, figure.at) == question]


def _published(record: Record) -> dict[str, Any]:
    """The figure of a paper that stands beside this row, if there is one; it is never ranked."""
    for figure in printed_figures(record):
        if figure.group in ("", ALL_CLASSES):
            return {"published": figure.accuracy, "published_differs": figure.differs}
    return {}
