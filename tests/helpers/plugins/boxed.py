"""Dark pictures with one bright square in a box; classes differ in the size of the square."""

import numpy as np

from fewshot_bench import DataCard, DataSet, FewShot
from fewshot_bench.data.labelled import group_by_class

NAMES = tuple("abcdef")


class Boxed(DataSet):
    """Six classes."""

    card = DataCard(title="Boxed", source="a test", year=2026, needs_path=False, synthetic=True)
    protocols = (
        FewShot(
            name="boxed-heldout", dataset="boxed", train_classes=NAMES[:3], test_classes=NAMES[3:]
        ),
    )

    def load(self, path):
        rng, images, boxes, labels = np.random.default_rng(0), [], [], []
        for label in range(6):
            for _ in range(12):
                image = rng.integers(0, 20, (1, 32, 32)).astype(np.uint8)
                y, x = 8 * rng.integers(0, 4, 2)
                image[0, y : y + 8, x : x + 8] = 200 + 5 * label
                images.append(image)
                boxes.append(np.array([[x + 1, y + 1, x + 8, y + 8]]))
                labels.append(label)
        files = [str(i) for i in range(len(labels))]
        return group_by_class("boxed", np.stack(images), labels, NAMES, files, boxes=tuple(boxes))
