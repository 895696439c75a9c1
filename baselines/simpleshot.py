"""SimpleShot: nearest centroid on the features of a plain classifier, centred and brought to unit length.

Shapes: B images, D features.
"""

from __future__ import annotations

import torch.nn.functional as F
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor

from fewshot_bench.baseline import Baseline, Card


class SimpleShot(ResNet):
    """CL2N (Wang et al. 2019, section 3): features less the mean of the train images', then L2-normalised.

    The training is that of `resnet`, which it shares.
    """

    card = Card(
        title="SimpleShot",
        paper="Wang et al.: SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning",
        year=2019,
    )
    rule = "prototype"
    taught_by = "resnet"
    logits = Baseline.logits  # where there is a closed set it decides by centroids too

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Centred features (B, D) of unit length."""
        return F.normalize(super().embed(images_BCHW) - self.parts.get_buffer("centre"), dim=1)
