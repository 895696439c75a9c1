"""Plug-ins, written where a test needs them."""

from pathlib import Path

HEAD = "import torch\nfrom fewshot_bench import Baseline, Card\n\nclass Mine(Baseline):\n    card = Card(title='Mine', paper='a test')\n"
EMBED = "    def embed(self, images):\n        return images.float().flatten(1)[:, ::7] / 255\n"
CAPABILITIES = {
    "rule": EMBED + "    rule = 'mean_cosine'\n",
    "pair": EMBED
    + "    def pair(self, a, b):\n        unit = torch.nn.functional.normalize\n        return unit(a, dim=1) @ unit(b, dim=1).T\n",
    "classify": EMBED
    + "    def classify(self, support, query):\n        unit = torch.nn.functional.normalize\n"
    "        return torch.einsum('nkd,qd->qn', unit(support, dim=2), unit(query, dim=1)) / support.shape[1]\n",
    "predict": "    def predict(self, support, query):\n        unit = torch.nn.functional.normalize\n"
    "        s = unit(support.float().flatten(2)[..., ::7] / 255, dim=2)\n"
    "        return torch.einsum('nkd,qd->qn', s, unit(query.float().flatten(1)[:, ::7] / 255, dim=1)) / s.shape[1]\n",
}


FAMILY = (
    EMBED
    + "    rule = 'mean_cosine'\n\nclass _Half(Mine):\n    card = Card(title='Half', paper='a test')\n"
    "    def embed(self, images):\n        return super().embed(images)[:, ::2]\n\nMine.variants = {'half': _Half, 'whole': _Half}\n"
)


def plugin(tmp_path: Path, name: str, body: str) -> Path:
    path = tmp_path / f"{name}.py"
    path.write_text(HEAD + body)
    return path


BOXED = '''
"""Dark pictures with one bright square in a box; classes differ in the size of the square."""
import numpy as np
from fewshot_bench import DataCard, DataSet, FewShot
from fewshot_bench.data.labelled import group_by_class
NAMES = tuple("abcdef")
class Boxed(DataSet):
    """Six classes."""
    card = DataCard(title="Boxed", source="a test", year=2026, needs_path=False, synthetic=True)
    protocols = (FewShot(name="boxed-heldout", dataset="boxed", train_classes=NAMES[:3], test_classes=NAMES[3:]),)
    def load(self, path):
        rng, images, boxes, labels = np.random.default_rng(0), [], [], []
        for label in range(6):
            for _ in range(12):
                image = rng.integers(0, 20, (1, 32, 32)).astype(np.uint8)
                y, x = 8 * rng.integers(0, 4, 2)
                image[0, y:y + 8, x:x + 8] = 200 + 5 * label
                images.append(image)
                boxes.append(np.array([[x + 1, y + 1, x + 8, y + 8]]))
                labels.append(label)
        files = [str(i) for i in range(len(labels))]
        return group_by_class("boxed", np.stack(images), labels, NAMES, files, boxes=tuple(boxes))
'''
SEEING = """
import torch
from fewshot_bench import Baseline, Card
class {kind}(Baseline):
    card = Card(title="{kind}", paper="a test")
    def __init__(self, settings=None):
        super().__init__(settings)
        self.eye = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Conv2d(1, 1, 1)).eval()
        torch.nn.init.constant_(self.eye[1].weight, {weight})
        torch.nn.init.constant_(self.eye[1].bias, {bias})
    @property
    def network(self):
        return self.eye
    def embed(self, images):
        return self.eye(images.float() / 255).relu().mean((2, 3))
    def classify(self, support, query):
        return query.expand(-1, len(support)) * torch.arange(1, len(support) + 1)
"""
