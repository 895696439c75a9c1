"""A tracker that writes each event on a line; docs/extend/tracker.md shows this file."""

from dataclasses import asdict

from fewshot_bench import CellDone, Event, Tracker


class Diary(Tracker):
    """Diary: one line an event, in OUT/diary.txt."""

    def hear(self, event: Event) -> None:
        """Write a line."""
        if isinstance(event, CellDone):
            text = f"{event.record.stem} {event.accuracy}"
        else:
            text = str(asdict(event))
        with (self.out / "diary.txt").open("a", encoding="utf-8") as file:
            file.write(f"{type(event).__name__} {event.training[:8]} {text}\n")
