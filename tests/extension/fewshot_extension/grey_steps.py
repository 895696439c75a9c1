"""Grey steps: plain pictures, each class of a brightness of its own."""

import numpy as np

from fewshot_bench import DataCard, DataSet, FewShot, group_by_class

NAMES = ("black", "dark", "grey", "light", "pale", "white")


class GreySteps(DataSet):
    """Thirty pictures of each of six brightnesses."""

    card = DataCard(
        title="Grey steps",
        source="an example of an extension",
        year=2026,
        needs_path=False,
        synthetic=True,
    )
    protocols = (
        FewShot(
            name="grey-steps-heldout",
            dataset="grey-steps",
            train_classes=NAMES[::2],
            test_classes=NAMES[1::2],
        ),
    )

    def load(self, path):
        """The 180 pictures, 16 x 16 pixels."""
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(len(NAMES)), 30)
        levels = (
            20 + 40 * labels[:, None, None, None] + rng.integers(0, 12, (len(labels), 1, 16, 16))
        )
        return group_by_class(
            "grey-steps",
            levels.astype(np.uint8),
            labels.tolist(),
            NAMES,
            [f"{i}" for i in range(len(labels))],
        )
