"""How a run begins, and how long something takes, in words."""

from __future__ import annotations

from collections.abc import Sequence

from fewshot_bench.engine.outlook import Outlook

__all__ = ["duration_text", "left_text", "outlook_lines"]

MOST_NAMES = 8  # in one list; of more, how many
MINUTE = 60  # seconds
HOUR = 3600


def outlook_lines(outlook: Outlook) -> list[str]:
    """What a run is about, how large it is, how much is done, and about how long the rest takes."""
    question = [outlook.dataset, _listed(outlook.protocols), _listed(outlook.conditions)]
    about = f"{', '.join(question)}: {_listed(outlook.baselines)}"
    size = _counts(outlook.trainings, outlook.cells)
    is_done = outlook.done_cells == outlook.cells
    if is_done:
        return [about, f"{size}, all done already"]
    if outlook.done_cells:
        done = _counts(outlook.done_trainings, outlook.done_cells)
        size += f", of which {done} are done already"
    if outlook.seconds_left is not None:
        size += f"; about {duration_text(outlook.seconds_left)} for the rest"
    return [about, size]


def left_text(done: float, total: float, seconds: float) -> str:
    """About how long a stage takes yet, of which so much is done after so many seconds."""
    if not 0 < done <= total:
        return ""
    left = seconds * (total - done) / done
    return f"about {duration_text(left)} left"


def duration_text(seconds: float) -> str:
    """A time in its largest unit, such as 40 s, 3 min or 2.5 h."""
    if seconds < 1.5 * MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 1.5 * HOUR:
        return f"{round(seconds / MINUTE)} min"
    return f"{seconds / HOUR:.1f} h"


def _counts(trainings: int, cells: int) -> str:
    return f"{_number(trainings, 'training')} with {_number(cells, 'cell')}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many others there are."""
    others = len(names) - MOST_NAMES
    if others <= 1:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {others} more"
