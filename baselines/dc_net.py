"""DC-Net: convolutions on maps that are resampled at learned offsets, and a sigmoid a defect.

What is not as in the source: the default optimiser is Adam, since the source's plain gradient
descent at a rate of 0.0001 needs thousands of epochs (its public code trains 5,000 and keeps the
epoch that is best on test maps). `optimiser=sgd` with `learning_rate=0.0001` is the source's, but
for the decay of the rate by 0.000001 a batch. An offset layer has two maps an input channel, the
rows and the columns of its offsets; the public code reads both from neighbouring pixels of one map.

Shapes: B images, C channels, H x W pixels, P defects, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from fewshot_bench.plugins.episodes.mixedwm38 import table_v
from torch import Tensor, nn

from fewshot_bench import Card, Context, LabelledImages, NotApplicable, TrainedBaseline
from fewshot_bench.learn import (
    Batch,
    KerasBatchNorm,
    OwnNetworkSettings,
    die_numbers,
    measure_moments,
)

Offsets = Literal["channel", "tap"]

MEASURED = (
    "cited as [18] in Table V of Phuong et al. (2024): gradient descent, thousands of epochs, the "
    "epoch chosen on test maps"
)
# Table V, %: normal and single, mixtures of two, three and four, the four groups, all classes
TABLE_V = (
    *(99.7, 97.8, 96.5, 94.4, 99.8, 93.8, 95.8, 93.4, 100),
    *(99.2, 97.9, 98.5, 96.7, 99.3, 96.1, 98.3, 92.8, 93.9, 92.3, 94.6, 90.7, 90.3),
    *(88.9, 89.4, 91.4, 92.5, 90.5, 88.3, 90.5, 92.3, 91.5, 88.3, 86.2, 89),
    *(87, 90.6, 86.4, 88.2),
    *(96.8, 95.43, 89.9, 88.05),
    93.2,
)

# output channels and stride of each layer
LAYERS = ((32, 2), (64, 2), (128, 2), (256, 1), (128, 2))
TAPS = 9  # of a 3 x 3 convolution
AXES = 2  # row and column
DEFECTS = "defects"  # the name of their table among the tensors of a checkpoint


class ChannelOffsets(nn.Module):
    """Maps (B, C, H, W) resampled at learned offsets, one a pixel and channel.

    A convolution without bias gives channel c's offsets, in pixels: rows in map 2c, columns in map
    2c + 1. Coordinates beyond the border are brought to it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.offsets = offset_convolution(channels, AXES * channels)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """The resampled maps, in float32: half precision is no place for coordinates."""
        offsets = self.offsets(maps_BCHW)
        return resampled(maps_BCHW.float(), offsets.float())


def offset_convolution(channels: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3 x 3 convolution without bias, weights N(0, 0.01)."""
    convolution = nn.Conv2d(channels, outputs, 3, stride=stride, padding=1, bias=False)
    nn.init.normal_(convolution.weight, std=0.01)
    return convolution


def resampled(maps_BCHW: Tensor, offsets_BXHW: Tensor) -> Tensor:
    """Bilinear values (B, C, H, W) of each map at its own places. X = 2C: row, column a channel."""
    batch, channels, height, width = maps_BCHW.shape
    offsets = offsets_BXHW.reshape(batch * channels, AXES, height, width)
    rows = torch.arange(height, device=maps_BCHW.device)[:, None] + offsets[:, 0]
    columns = torch.arange(width, device=maps_BCHW.device) + offsets[:, 1]
    # grid_sample takes (x, y), and -1 to 1 from the centre of the first pixel to that of the last
    x = 2 * columns / max(1, width - 1) - 1
    y = 2 * rows / max(1, height - 1) - 1
    grid = torch.stack([x, y], dim=-1)
    single = maps_BCHW.reshape(batch * channels, 1, height, width)
    values = F.grid_sample(single, grid, padding_mode="border", align_corners=True)
    return values.reshape(batch, channels, height, width)


class TapConvolution(nn.Module):
    """A 3 x 3 convolution with one learned offset a pixel and tap (Dai et al. 2017)."""

    def __init__(self, channels: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.offsets = offset_convolution(channels, AXES * TAPS, stride)
        self.convolution = convolution(channels, outputs, stride)

    def forward(self, maps_BCHW: Tensor) -> Tensor:
        """The output, in float32."""
        # here, as it takes a second to import, and the other offsets do without
        from torchvision.ops import deform_conv2d

        offsets = self.offsets(maps_BCHW).float()
        result: Tensor = deform_conv2d(
            maps_BCHW.float(),
            offsets,
            self.convolution.weight,
            self.convolution.bias,
            stride=self.stride,
            padding=1,
        )
        return result


def convolution(channels: int, outputs: int, stride: int) -> nn.Conv2d:
    """A 3 x 3 convolution with the initial weights of Keras."""
    layer = nn.Conv2d(channels, outputs, 3, stride=stride, padding=1)
    nn.init.xavier_uniform_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class DeformableNet(nn.Module):
    """Five layers and a global mean: images (B, C, S, S), values 0 to 255, to features (B, 128)."""

    features = LAYERS[-1][0]

    def __init__(self, image_size: int, offsets: Offsets) -> None:
        super().__init__()
        self.image_size = image_size
        layers: list[nn.Module] = []
        channels = 1
        for outputs, stride in LAYERS:
            if offsets == "channel":
                layers.append(ChannelOffsets(channels))
                layers.append(convolution(channels, outputs, stride))
            else:
                layers.append(TapConvolution(channels, outputs, stride))
            layers.append(KerasBatchNorm(outputs))
            layers.append(nn.ReLU())
            channels = outputs
        self.layers = nn.Sequential(*layers)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, 128)."""
        maps: Tensor = self.layers(die_numbers(images_BCHW))
        return maps.mean((2, 3))


def class_scores(outputs_BP: Tensor, defects_NP: Tensor) -> Tensor:
    """Scores (B, N) of classes that are made of defects: the log probability of just these.

    The sum of log-sigmoids: log s(z) of each defect that the class has, log(1 - s(z)) of the rest.
    """
    has_NP = defects_NP.to(outputs_BP)
    present = F.logsigmoid(outputs_BP) @ has_NP.T
    absent = F.logsigmoid(-outputs_BP) @ (1 - has_NP).T
    return present + absent


def scores_or_none(outputs_BP: Tensor, defects_CP: Tensor, *, never_none: bool = False) -> Tensor:
    """`class_scores` (B, C), and in a last column the score of all other combinations.

    The defects whose sigmoid is 0.5 or more are the likeliest combination. The last column has its
    score if no class is made of them, else (and always, if never_none) the lowest of the classes.
    So the highest score is that of this combination.
    """
    scores_BC = class_scores(outputs_BP, defects_CP)
    likeliest_BP = outputs_BP >= 0
    is_class_BC = (likeliest_BP[:, None] == defects_CP).all(-1)
    best_B1 = F.logsigmoid(outputs_BP.abs()).sum(1, keepdim=True)
    lowest_B1 = scores_BC.amin(1, keepdim=True)
    is_class_B1 = is_class_BC.any(1, keepdim=True) | never_none
    none_B1 = torch.where(is_class_B1, lowest_B1, best_B1)
    return torch.cat([scores_BC, none_B1], dim=1)


@dataclass(frozen=True, kw_only=True)
class DcNetSettings(OwnNetworkSettings):
    """What DC-Net's source leaves open, or a short training does not allow.

    image_size: 52, the dies of a wafer map; offsets: one a pixel and input channel, as in the
    source, or one a pixel and tap of the convolution, as in Dai et al. (2017); optimiser: adam, or
    the source's sgd with Nesterov momentum 0.9, whose learning rate is 0.0001; decision: `outputs`
    calls a defect present where its sigmoid is 0.5 or more, so that a combination may be none of
    the classes, `classes` takes the class of the highest score; measure_moments: after the training
    the moments of normalisations are measured anew, on train images, since those that the source
    keeps are far off after a short training; augment: the source does not.
    """

    image_size: int = 52
    offsets: Offsets = "channel"
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    decision: Literal["outputs", "classes"] = "outputs"
    measure_moments: bool = True
    augment: bool = False


class DcNet(TrainedBaseline):
    """A sigmoid a defect: a class is a combination of defects, known or never seen."""

    card = Card(
        title="DC-Net",
        paper="Wang, Xu, Yang, Zhang, Li: Deformable Convolutional Networks for Efficient "
        "Mixed-Type Wafer Defect Pattern Recognition (IEEE Trans. Semicond. Manuf.)",
        year=2020,
        published=table_v(MEASURED, TABLE_V),
    )
    rule = "mean_cosine"
    settings_type = DcNetSettings
    settings: DcNetSettings
    sees = frozenset({"defects"})
    answers_none = True
    defects_CP: Tensor  # which defects each train class is made of

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """The five layers, with random weights."""
        del fetch
        return DeformableNet(self.settings.image_size, self.settings.offsets)

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """An output a defect."""
        del classes
        outputs = nn.Linear(features, self.defects_CP.shape[1])
        nn.init.xavier_uniform_(outputs.weight)
        nn.init.zeros_(outputs.bias)
        return {"outputs": outputs}

    def optimiser(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """Adam, or the source's gradient descent."""
        if self.settings.optimiser == "adam":
            return super().optimiser(parameters)
        rate = self.settings.learning_rate
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True)

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Learn which defects each image shows."""
        self.defects_CP = torch.from_numpy(train.defects_CP).to(context.device)
        super().fit(train, context=context)
        if self.settings.measure_moments:
            measure_moments(self.network, train)

    def state(self) -> Mapping[str, Tensor]:
        """As of every baseline with an encoder, and what the train classes are made of."""
        return {**super().state(), DEFECTS: self.defects_CP}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Take back what `state` gave."""
        weights = dict(state)
        self.defects_CP = weights.pop(DEFECTS).to(context.device)
        super().load(weights, context=context)

    def batch_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Binary cross-entropy over all outputs."""
        views = self.view(batch.images_BCHW, generator)
        outputs_BP = self.parts["outputs"](self.encode(views))
        assert batch.defects_BP is not None  # `sees` names them
        return F.binary_cross_entropy_with_logits(outputs_BP, batch.defects_BP)

    def outputs(self, images_BCHW: Tensor) -> Tensor:
        """Log-odds (B, P) that each defect is there."""
        log_odds: Tensor = self.parts["outputs"](self.embed(images_BCHW))
        return log_odds

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """Scores (B, C_train + 1). The last column is any combination that is no train class.

        Raises `NotApplicable` for scores that are averaged over views and may be of no class: one
        view in which a class fits would all but rule out the last column.
        """
        is_closed = self.settings.decision == "classes"
        if self.settings.views > 1 and not is_closed:
            raise NotApplicable(
                f"its outputs decide on one view of a picture, and views={self.settings.views} are "
                "averaged; take the best class with --set dc_net.decision=classes, or one view"
            )
        outputs_BP = self.outputs(images_BCHW)
        return scores_or_none(outputs_BP, self.defects_CP, never_none=is_closed)

    def compose(self, images_BCHW: Tensor, defects_NP: Tensor) -> Tensor:
        """Scores (B, N) of any classes, also untrained ones, from the defects they are made of."""
        return class_scores(self.outputs(images_BCHW), defects_NP)
