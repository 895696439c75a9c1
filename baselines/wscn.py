"""WaferSegClassNet: a small encoder, first contrastive, then for classes and masks together.

What is not as in the source: the learning rate is not lowered when the loss of test maps stands
still, and no epoch is chosen by them; one optimiser serves both stages; a frozen encoder drops
nothing out.

Shapes: B images, C channels, H x W pixels, S pixels a side.
"""

from __future__ import annotations

import contextlib
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
    area_resize,
    cosines,
    die_numbers,
    measure_moments,
)

MEASURED = (
    "cited as [27] in Table V of Phuong et al. (2024): 224 x 224 pixels, 150 epochs, the epoch "
    "chosen on test maps; its average of 1 defect leaves the normal map out, and its printed "
    "average of all is not the mean of its column, 97.82"
)
# Table V, %: normal and single, mixtures of two, three and four, the four groups, all classes
TABLE_V = (
    *(100, 100, 100, 97, 99, 99, 100, 99, 98),
    *(98, 100, 99, 99, 94, 99, 95, 100, 99, 97, 96, 100, 97),
    *(97, 99, 97, 100, 97, 97, 96, 100, 98, 97, 96, 97),
    *(94, 97, 95, 95),
    *(99, 97.92, 97.58, 95.25),
    98.2,
)

Colours = Literal["states", "source"]

WHITE = 255  # the largest value of a pixel
# red, green and blue of no die, a good die and a failed die
SOURCE_COLOURS = ((1.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0))
POOLED = (8, 16, 16, 32)  # channels of the encoder's blocks that end in a pooling
LAST = 64  # channels of its last block
PROJECTION = 128
HIDDEN = 64  # of the classifier
DROPOUT = 0.1
EPSILON = 1e-7  # of the Dice loss, where nothing is predicted and nothing is there
HALVED = 2 ** len(POOLED)  # what the side of an image is divided by


@dataclass(frozen=True, kw_only=True)
class WscnSettings(OwnNetworkSettings):
    """What WSCN's source leaves open, or contradicts itself in.

    image_size: 52, the dies of a wafer map; enlarged: pixels a side that the network sees, a
    multiple of 16; colours: one channel a state of a die (and pictures as they are), or the
    source's, three colours after the enlarged numbers of the states were rounded; pretraining: the
    share of the budget that the contrastive stage gets; temperature: of its loss; freeze: the
    second stage leaves the encoder as it is, as the authors' code does, though their paper says end
    to end; segmentation: the second stage learns the masks too; measure_moments: when the encoder
    is trained, the moments of its normalisations are measured anew, on train images, since those
    that the source keeps are far off after a short training; augment: the source does not.
    """

    image_size: int = 52
    enlarged: int = 112
    colours: Colours = "states"
    pretraining: float = 2 / 3
    temperature: float = 0.05
    freeze: bool = True
    segmentation: bool = True
    measure_moments: bool = True
    learning_rate: float = 1e-3
    augment: bool = False

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        is_multiple = self.enlarged >= HALVED and self.enlarged % HALVED == 0
        self.need(is_multiple, "enlarged", f"a multiple of {HALVED}")
        self.need(0 <= self.pretraining < 1, "pretraining", "0 to less than 1")
        self.need_positive("temperature")


class Block(nn.Module):
    """Convolution, ReLU, normalisation, dropout, separable convolution, ReLU, normalisation."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.first = _convolution(channels, outputs, 3)
        self.rest = nn.Sequential(
            KerasBatchNorm(outputs),
            nn.Dropout(DROPOUT),
            # a separable convolution: each channel alone, then each pixel alone
            _convolution(outputs, outputs, 3, groups=outputs, bias=False),
            _convolution(outputs, outputs, 1),
            nn.ReLU(),
            KerasBatchNorm(outputs),
        )

    def forward(self, maps_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """(maps after the first convolution, maps after all)."""
        first = self.first(maps_BCHW).relu()
        return first, self.rest(first)


class WaferEncoder(nn.Module):
    """Five blocks, a pooling after each of the first four: images (B, C, S, S) to (B, 64)."""

    features = LAST

    def __init__(self, image_size: int, enlarged: int, colours: Colours) -> None:
        super().__init__()
        self.image_size = image_size
        self.enlarged = enlarged
        self.colours = colours
        channels = (3, *POOLED, LAST)
        blocks = []
        for number in range(len(channels) - 1):
            blocks.append(Block(channels[number], channels[number + 1]))
        self.blocks = nn.ModuleList(blocks)
        poolings: list[nn.Module] = [nn.MaxPool2d(2) for _ in POOLED[:-1]]
        self.poolings = nn.ModuleList([*poolings, nn.AvgPool2d(2)])

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, 64)."""
        *_, last = self.maps(images_BCHW)
        return last.mean((2, 3))

    def maps(self, images_BCHW: Tensor) -> list[Tensor]:
        """The maps that the decoder takes from each block, and the last block's output."""
        maps = self.coloured(images_BCHW).contiguous(memory_format=torch.channels_last)
        kept = []
        for block, pooling in zip(self.blocks[:-1], self.poolings, strict=True):
            skipped, maps = block(maps)
            maps = pooling(maps)
            kept.append(skipped)
        _, last = self.blocks[-1](maps)
        return [*kept, last]

    def coloured(self, images_BCHW: Tensor) -> Tensor:
        """What the network sees: (B, 3, enlarged, enlarged), values 0 to 1."""
        if self.colours == "states":
            enlarged = area_resize(images_BCHW, self.enlarged) / WHITE
            # a grey picture is repeated to three channels
            return enlarged.expand(-1, 3, -1, -1)
        numbers = area_resize(die_numbers(images_BCHW), self.enlarged)
        states_BHW = numbers[:, 0].round().clamp(0, len(SOURCE_COLOURS) - 1).long()
        colours = torch.tensor(SOURCE_COLOURS, device=numbers.device)
        return colours[states_BHW].permute(0, 3, 1, 2)


class WaferDecoder(nn.Module):
    """Maps of the encoder to the log-odds (B, 1, S, S) that a pixel is in the mask."""

    def __init__(self) -> None:
        super().__init__()
        channels = LAST
        upward = []
        blocks = []
        for outputs in reversed(POOLED):
            upward.append(nn.ConvTranspose2d(channels, outputs, 2, stride=2))
            blocks.append(Block(2 * outputs, outputs))
            channels = outputs
        self.upward = nn.ModuleList(upward)
        self.blocks = nn.ModuleList(blocks)
        self.mask = nn.Conv2d(channels, 1, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """The log-odds."""
        *skipped, result = maps
        for upward, block, skip in zip(self.upward, self.blocks, reversed(skipped), strict=True):
            _, result = block(torch.cat([upward(result), skip], dim=1))
        log_odds: Tensor = self.mask(result)
        return log_odds


def _convolution(
    channels: int, outputs: int, size: int, *, groups: int = 1, bias: bool = True
) -> nn.Conv2d:
    """A convolution that keeps the size of its maps, with He's initial weights."""
    layer = nn.Conv2d(channels, outputs, size, padding="same", groups=groups, bias=bias)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def n_pairs(embeddings_BD: Tensor, labels_B: Tensor, *, temperature: float) -> Tensor:
    """The N-pairs loss (Sohn 2016) of one set of embeddings, a scalar: the mean over its rows.

    Cross-entropy of each row of the cosine matrix over the temperature, its diagonal included,
    against the uniform distribution over the columns of the same class.
    """
    scores_BB = cosines(embeddings_BD, embeddings_BD) / temperature
    is_same_class_BB = labels_B[:, None] == labels_B
    targets_BB = F.normalize(is_same_class_BB.float(), p=1, dim=1)
    return F.cross_entropy(scores_BB, targets_BB)


def dice(predicted: Tensor, target: Tensor) -> Tensor:
    """The Dice loss, a scalar: 1 - 2 sum(pt) / (sum(p^2) + sum(t^2)) over all pixels of a batch.

    Both have values 0 to 1 and one shape. The squares are those of Milletari et al. (2016).
    """
    overlap = 2 * (predicted * target).sum()
    total = predicted.square().sum() + target.square().sum()
    return 1 - (overlap + EPSILON) / (total + EPSILON)


def mask_loss(log_odds_B1SS: Tensor, masks_B1SS: Tensor) -> Tensor:
    """Binary cross-entropy plus Dice, a scalar. masks: 0 or 1."""
    cross_entropy = F.binary_cross_entropy_with_logits(log_odds_B1SS, masks_B1SS)
    return cross_entropy + dice(log_odds_B1SS.sigmoid(), masks_B1SS)


class Wscn(TrainedBaseline):
    """Stage 1: N-pairs loss on a projection. Stage 2: classes, and which dies failed."""

    card = Card(
        title="WSCN",
        paper="Nag et al.: WaferSegClassNet - A light-weight network for classification and "
        "segmentation of semiconductor wafer defects (Computers in Industry)",
        year=2022,
        published=table_v(MEASURED, TABLE_V),
    )
    rule = "mean_cosine"
    settings_type = WscnSettings
    settings: WscnSettings
    sees = frozenset({"masks"})
    _unmeasured: LabelledImages | None = None  # the train images, until the encoder is trained

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """The five blocks, with random weights."""
        del fetch
        settings = self.settings
        return WaferEncoder(settings.image_size, settings.enlarged, settings.colours)

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The projection of stage 1, the classifier and the decoder of stage 2."""
        parts: dict[str, nn.Module] = {}
        parts["projection"] = nn.Sequential(nn.Linear(features, PROJECTION), nn.ReLU())
        hidden = nn.Linear(features, HIDDEN)
        parts["classifier"] = nn.Sequential(hidden, nn.ReLU(), nn.Linear(HIDDEN, classes))
        if self.settings.segmentation:
            # drawn aside: with and without segmentation, a seed gives the same draws to the rest
            with torch.random.fork_rng(devices=[]):
                parts["decoder"] = WaferDecoder()
        return parts

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Both stages. Raises as `batch_loss`."""
        self._unmeasured = train if self.settings.measure_moments else None
        super().fit(train, context=context)
        self._measure()

    def _measure(self) -> None:
        """Measure the moments of the encoder, once, when its training is over."""
        if self._unmeasured is not None:
            measure_moments(self.network, self._unmeasured)
            self._unmeasured = None

    def batch_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the stage that the budget is in. Raises `NotApplicable` without masks."""
        settings = self.settings
        if settings.segmentation and batch.masks_B1HW is None:
            raise NotApplicable(
                "the data set has neither masks nor boxes to learn segmentation from; leave it out "
                "with --set wscn.segmentation=false"
            )
        if batch.share < settings.pretraining:
            views = self.view(batch.images_BCHW, generator)
            embeddings = self.parts["projection"](self.encode(views))
            return n_pairs(embeddings, batch.labels_B, temperature=settings.temperature)
        return self._second_loss(batch, generator)

    def _second_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the classes, and the loss of the masks."""
        if batch.masks_B1HW is None:
            views = self.view(batch.images_BCHW, generator)
            masks = None
        else:
            views, masks = self.view_together(batch.images_BCHW, batch.masks_B1HW, generator)
        with self.precisely(views.device):
            maps = self._encoder_maps(views)
            scores = self.parts["classifier"](maps[-1].mean((2, 3)))
        loss = F.cross_entropy(scores.float(), batch.labels_B)
        if not self.settings.segmentation or masks is None:
            return loss
        with self.precisely(views.device):
            log_odds = self.parts["decoder"](maps)
        enlarged = area_resize(masks, self.settings.enlarged)
        is_masked = (enlarged > WHITE / 2).float()
        return loss + mask_loss(log_odds.float(), is_masked)

    def _encoder_maps(self, views_BCHW: Tensor) -> list[Tensor]:
        encoder = self.network
        assert isinstance(encoder, WaferEncoder)
        gradients: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if self.settings.freeze:
            encoder.eval()
            self._measure()
            gradients = torch.no_grad()
        with gradients:
            return encoder.maps(views_BCHW)

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """The classifier's scores (B, C_train)."""
        scores: Tensor = self.parts["classifier"](self.embed(images_BCHW))
        return scores
