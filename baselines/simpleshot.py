"""SimpleShot: nearest centroid on centred features of unit length of a plain classifier.

Shapes: B images, D features.
"""

from __future__ import annotations

import torch.nn.functional as F
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor

from fewshot_bench import Baseline, Card


class SimpleShot(ResNet):
    """CL2N (section 3): features minus the mean feature of the train images, then L2-normalised.

    It shares the training of `resnet`.
    """

    card = Card(
        title="SimpleShot",
        paper=(
            "Wang et al.: SimpleShot: Revisiting Nearest-Neighbor Classification "
            "for Few-Shot Learning"
        ),
        year=2019,
    )
    rule = "prototype"
    taught_by = "resnet"
    logits = Baseline.logits  # classification protocols are answered by centroids too

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Centred features (B, D) of unit length."""
        features = super().embed(images_BCHW)
        centre = self.parts.get_buffer("centre")
        return F.normalize(features - centre, dim=1)
