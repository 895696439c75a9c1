"""A data set with a card of a class of its own."""

import numpy as np

from fewshot_bench import DataCard, DataSet, FewShot, group_by_class


class ShadesCard(DataCard):
    """A card of another class."""


class Shades(DataSet):
    card = ShadesCard(title="Shades", source="a test", year=2024, needs_path=False)
    protocols = (
        FewShot(
            name="shades-heldout",
            dataset="shades",
            train_classes=("c0", "c1", "c2"),
            test_classes=("c3", "c4", "c5"),
        ),
    )

    def load(self, path):
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(6), 20)
        noise = rng.integers(0, 60, (len(labels), 1, 32, 32))
        images = (noise + 30 * labels[:, None, None, None]).astype(np.uint8)
        names = [f"c{label}" for label in range(6)]
        files = [f"{number}.png" for number in range(len(labels))]
        return group_by_class("shades", images, labels.tolist(), names, files)
