"""Accuracies while a run goes on: the table that fills in, and lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from fewshot_bench.cli.layout import percent, percent_with_interval
from fewshot_bench.leaderboard.standings import Standing, Standings, is_one_of_splits, label_of
from fewshot_bench.records.record import Record

__all__ = ["records_line", "standings_table"]


def standings_table(standings: Sequence[Standing], most_rows: int) -> Table:
    """A row a baseline, a column a shot value or train size; of too many rows the last ones."""
    conditions = {standing.label: standing.condition for standing in standings}
    labels = sorted(conditions, key=lambda label: conditions[label])
    rows: dict[str, dict[str, str]] = {}
    for standing in standings:
        rows.setdefault(standing.name, {})[standing.label] = _standing_text(standing)
    table = Table()
    for head in ("baseline", *labels):
        table.add_column(head, no_wrap=True)
    names = list(rows)
    if len(names) > most_rows:
        left_out = len(names) - most_rows + 1  # the line that says so is one of the rows
        names = names[left_out:]
        table.add_row(f"({left_out} more)")
    for name in names:
        table.add_row(name, *(rows[name].get(label, "") for label in labels))
    return table


def _standing_text(standing: Standing) -> str:
    """The accuracy with its interval or number of splits, and how many trainings it lacks."""
    if standing.trainings == 0:
        return standing.status
    if standing.accuracy is None:
        return "..."
    if standing.low is None or standing.high is None:
        text = f"{percent(standing.accuracy)} ({standing.splits} of {standing.of} splits)"
    else:
        text = percent_with_interval(standing.accuracy, standing.low, standing.high)
        if standing.trainings > 1:
            text += f" ({standing.trainings} trainings)"
    if standing.failures:
        text += f", {standing.failures} failed"
    return text


def records_line(records: Sequence[Record], standings: Standings | None) -> str:
    """What cells of one training gave, on one line.

    One cell has its accuracy with the interval. Several have the accuracy at each shot value, or
    the lowest and the highest one where the training answered by several rules. standings: with
    these records; None: the line says what became of the cells, without accuracies.
    """
    first = records[0]
    baseline = first.baseline.name
    if standings is None:
        return f"{_head(baseline, records)}: {', '.join(_statuses(records))}"
    names = list(dict.fromkeys(standings.name_of(record) for record in records))
    if len(names) > 1:
        return f"{_head(baseline, records)}: {_range_text(records, standings)}"
    if len(records) == 1:
        return f"{_head(names[0], records)}: {_result_text(first, standings)}"
    texts = []
    for record in records:
        accuracy = standings.accuracy_of(record)
        text = record.status if accuracy is None else percent(accuracy.accuracy)
        texts.append(f"{label_of(record)} {text}")
    return f"{_head(names[0], records)}: {', '.join(texts)}"


def _head(name: str, records: Sequence[Record]) -> str:
    """Which cells a line is of."""
    record = records[0]
    parts = [name]
    if len(records) == 1:
        parts.append(label_of(record))
    seed = record.training.seed
    if record.protocol.is_classification:
        parts.append(f"run {seed}")
    elif seed:
        parts.append(f"seed {seed}")
    if is_one_of_splits(record):
        parts.append(f"tested on {' | '.join(record.protocol.test_classes)}")
    return ", ".join(parts)


def _result_text(record: Record, standings: Standings) -> str:
    accuracy = standings.accuracy_of(record)
    if accuracy is None:
        return f"{record.status}: {record.reason}"
    return percent_with_interval(accuracy.accuracy, accuracy.low, accuracy.high)


def _range_text(records: Sequence[Record], standings: Standings) -> str:
    """How many cells there are, with the lowest and the highest accuracy."""
    accuracies = []
    for record in records:
        accuracy = standings.accuracy_of(record)
        if accuracy is not None:
            accuracies.append(accuracy.accuracy)
    text = f"{len(records)} cells"
    if accuracies:
        text += f", {percent(min(accuracies))} to {percent(max(accuracies))}"
    failures = len(records) - len(accuracies)
    if failures:
        text += f", {failures} failed"
    return text


def _statuses(records: Sequence[Record]) -> list[str]:
    """What became of these records, each status once."""
    return list(dict.fromkeys(record.status for record in records))
