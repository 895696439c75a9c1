"""TensorBoard: `tensorboard --logdir results/tensorboard` shows what this writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fewshot_bench import CellDone, Ended, Event, Started, Step, Tracker, library, portable_name


class TensorBoard(Tracker):
    """TensorBoard: losses by images passed, accuracies by shots, in OUT/tensorboard.

    A training has a folder of its own, named after its baseline, label and identity.
    """

    needs = ("tensorboard", "tensorboard")

    def __init__(self, out: Path) -> None:
        super().__init__(out)
        self.writers: dict[str, Any] = {}

    def hear(self, event: Event) -> None:
        """Write an event down."""
        match event:
            case Started():
                self._begin(event)
            case Step():
                writer = self.writers[event.training]
                writer.add_scalar("loss", event.loss, event.images_passed)
            case CellDone():
                self._write_accuracy(event)
            case Ended():
                self.writers.pop(event.training).close()

    def _begin(self, event: Started) -> None:
        module = library("tensorboard", "torch.utils.tensorboard", "tensorboard")
        words = [event.baseline, *event.label.replace(",", " ").replace("|", " ").split()]
        # a label has names of classes
        folder = f"{portable_name('-'.join(words))}-{event.training[:8]}"
        writer = module.SummaryWriter(str(self.out / "tensorboard" / folder))
        rows = [f"| {name} | {value} |" for name, value in event.settings.items()]
        writer.add_text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]))
        self.writers[event.training] = writer

    def _write_accuracy(self, event: CellDone) -> None:
        record = event.record
        writer = self.writers[event.training]
        for name, value in event.numbers.items():
            tag = f"{name}/{record.protocol.name}/{record.baseline.rule}"
            writer.add_scalar(tag, value, event.step)

    def close(self) -> None:
        """Close the files of trainings that did not end."""
        for writer in self.writers.values():
            writer.close()
        self.writers.clear()
