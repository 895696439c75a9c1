"""One training loop for every baseline that has an encoder, so that a comparison is fair.

Shapes: B images of a batch, C channels, H = W the settings' image size, D features.
"""

from __future__ import annotations

import functools
import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.encoder import Encoder, EncoderSettings, Precision, resize
from fewshot_bench.learn.snapshot import Snapshot
from fewshot_bench.seeds import derive

__all__ = [
    "EncoderBaseline",
    "TrainedBaseline",
    "TrainingSettings",
    "balanced_batches",
    "shuffled_batches",
]

REPORTS = 200  # loss values kept of one training, at most
DETAIL = 2  # training images are held at up to so many times the size of a view, so that a crop shows more, not blur


class EncoderBaseline(Baseline):
    """A baseline that embeds with an encoder; `heads` are the modules learned beside it."""

    settings_type = EncoderSettings
    settings: EncoderSettings

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The modules beside the encoder, for D features and the number of train classes."""
        del features, classes
        return {}

    @property
    def network(self) -> nn.Module:
        """The encoder."""
        encoder: nn.Module = self.parts["encoder"]
        return encoder

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder and the heads with fresh weights, from torch's global generator.

        fetch: with published weights where the settings name some; a checkpoint has all of them.
        """
        encoder = Encoder(self.settings, fetch=fetch)
        parts = {"encoder": encoder, **self.heads(encoder.features, classes)}
        self.parts = nn.ModuleDict(parts).to(device).to(memory_format=torch.channels_last).eval()
        self.classes = classes

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Keep the encoder as it was made."""
        self.build(len(train.class_names), context.device)

    def state(self) -> Mapping[str, Tensor]:
        """Weights and buffers of all modules, and the number of train classes."""
        return {**self.parts.state_dict(), "classes": torch.tensor(self.classes)}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Take back what `state` gave."""
        self.build(int(state["classes"]), context.device, fetch=False)
        self.parts.load_state_dict(
            {name: value for name, value in state.items() if name != "classes"}
        )

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """The encoder's features (B, D), in float32 and evaluation mode."""
        features: Tensor = self.parts["encoder"](resize(images_BCHW, self.settings.image_size))
        return features.float()


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(EncoderSettings):
    """How every trained baseline is trained.

    passes: the budget, in images passed through the encoder, a view counting as one; crop: least share of the area a
    random crop keeps; flip: probability of each flip; augment: whether training sees random views; freeze: the encoder
    stays as it was made and what stands beside it is trained.
    """

    passes: int = 18_000
    batch_size: int = 32
    learning_rate: float = 5e-4
    precision: Precision = "float32"
    augment: bool = True
    crop: float = 0.2
    flip: float = 0.5
    rotate: bool = True
    freeze: bool = False

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(self.passes >= 1, "passes", "1 or more")
        self.need(self.batch_size >= 2, "batch_size", "2 or more")
        self.need(0 < self.learning_rate < math.inf, "learning_rate", "more than 0")
        self.need(0 < self.crop <= 1, "crop", "more than 0, at most 1")
        self.need(0 <= self.flip <= 1, "flip", "0 to 1")


class TrainedBaseline(EncoderBaseline):
    """A baseline that trains its encoder: a subclass says what its loss is, and which batches it takes."""

    settings_type = TrainingSettings
    settings: TrainingSettings

    @abstractmethod
    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch of images, values 0 to 255, which `plain` and `view` bring to the size to be used.

        `generator` is for views and nothing else.
        """

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """Indices of one batch after another, without end."""
        return shuffled_batches(labels_M, self.settings.batch_size, generator)

    def view(self, images_BCHW: Tensor, generator: torch.Generator) -> Tensor:
        """A random view of each image, at the size to be used."""
        s = self.settings
        if not s.augment:
            return self.plain(images_BCHW)
        return Augment(size=s.image_size, crop=s.crop, flip=s.flip, rotate=s.rotate)(
            images_BCHW, generator
        )

    def plain(self, images_BCHW: Tensor) -> Tensor:
        """The images themselves, at the size to be used."""
        return resize(images_BCHW, self.settings.image_size)

    def encode(self, images_BCHW: Tensor) -> Tensor:
        """The encoder's features (B, D) in training; the network computes in `precision`, all after it in float32."""
        with self.precisely(images_BCHW.device):
            features: Tensor = self.parts["encoder"](images_BCHW)
        return features.float()

    def precisely(self, device: torch.device) -> torch.autocast:
        """A context in which networks compute in `precision`."""
        return torch.autocast(
            device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"
        )

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Adam on `loss` until the budget of passes is spent; one that was interrupted goes on where it was kept last."""
        s = self.settings
        self.build(len(train.class_names), context.device, fetch=context.resumed is None)
        side = min(train.images.shape[-1], DETAIL * s.image_size)
        images = _resident(train, max(side, s.image_size), context.device)
        labels = torch.from_numpy(train.labels)
        resident_labels = labels.to(context.device)
        order, views = (
            torch.Generator().manual_seed(derive(context.seed, use)) for use in ("order", "views")
        )
        optimiser = torch.optim.Adam(self._prepared(), lr=s.learning_rate, fused=True)
        state = Snapshot(self.parts, optimiser, views, context.device)
        done, passed = (0, 0) if context.resumed is None else _restored(state, context.resumed)
        reported = passed * REPORTS // s.passes
        for batch in itertools.islice(self.batches(labels, order), done, None):
            here = batch.to(context.device)
            loss = self.loss(images[here].float(), resident_labels[here], views)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            passed += self.passed(batch)
            if passed * REPORTS // s.passes > reported or passed >= s.passes:
                reported = passed * REPORTS // s.passes
                context.progress(passed, float(loss.detach()))
            if passed >= s.passes:
                break
            done += 1
            context.keep(functools.partial(state.take, done, passed))
        self.parts.eval()

    def passed(self, batch: Tensor) -> int:
        """Images passed through the encoder for a batch."""
        return len(batch) * self.views

    def _prepared(self) -> list[nn.Parameter]:
        """The parameters to be learned, with all that learns in training mode."""
        self.parts.train()
        if self.settings.freeze:
            self.network.requires_grad_(False).eval()
        learned = [parameter for parameter in self.parts.parameters() if parameter.requires_grad]
        if not learned:
            raise UserError("freeze=true leaves it nothing to train; leave --freeze out for it")
        return learned


def _restored(state: Snapshot, resumed: Mapping[str, Tensor]) -> tuple[int, int]:
    try:
        return state.restore(resumed)
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise UserError(
            f"what was kept of its training is of another one ({str(error)[:80]} ...); run with --fresh"
        ) from None


def _resident(train: LabelledImages, size: int, device: torch.device, block: int = 256) -> Tensor:
    """All training images, resized, as uint8 on the device."""
    parts = torch.from_numpy(train.images).split(block)
    return torch.cat([resize(part.to(device), size).round().clamp(0, 255).byte() for part in parts])


def shuffled_batches(labels_M: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Every image once an epoch, in random order; what is left of an epoch that does not fill a batch is dropped."""
    count = len(labels_M)
    size = min(size, count)
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order[: count // size * size].split(size)


def balanced_batches(
    labels_M: Tensor, ways: int, per_class: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """`per_class` different images of each of `ways` different classes, class by class."""
    of_class = [
        torch.nonzero(labels_M == label).ravel() for label in range(int(labels_M.max()) + 1)
    ]
    while True:
        chosen = torch.randperm(len(of_class), generator=generator)[:ways].tolist()
        yield torch.cat(
            [
                of_class[c][torch.randperm(len(of_class[c]), generator=generator)[:per_class]]
                for c in chosen
            ]
        )
