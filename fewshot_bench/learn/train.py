"""One training loop for every baseline that has an encoder, so that a comparison is fair.

Shapes: B images of a batch, C channels, H = W the settings' image size, D features, M train images.
"""

from __future__ import annotations

import functools
import itertools
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline, Context, LearnsFrom
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.encoder import (
    Encoder,
    EncoderSettings,
    Precision,
    exact_convolutions,
    resize,
)
from fewshot_bench.learn.network import NONE
from fewshot_bench.learn.snapshot import Snapshot
from fewshot_bench.seeds import derive
from fewshot_bench.settings import Settings

__all__ = [
    "EncoderBaseline",
    "TrainedBaseline",
    "TrainingSettings",
    "balanced_batches",
    "chosen_by_method",
    "shuffled_batches",
]

MOST_REPORTS = 200  # losses that one training reports
# train images are stored at up to twice the size of a view, so that a crop shows detail, not blur
STORED_SCALE = 2
RESIZED_AT_ONCE = 256  # images
# Pixels that pass an encoder together on a processor: 4 images of 224 x 224. The maps of more leave
# its caches, and EfficientNet-Lite0 then embeds half as many images a second or fewer.
EMBEDDED_PIXELS = 4 * 224**2


class EncoderBaseline(Baseline):
    """A baseline that embeds with an encoder. `heads` are the modules learned beside it."""

    settings_type = EncoderSettings
    settings: EncoderSettings
    learns_from: ClassVar[LearnsFrom] = "seed"

    @classmethod
    def shared_features(cls, settings: Settings) -> Mapping[str, object] | None:
        """The encoder, where it alone embeds and its weights are published and never trained."""
        values = settings.as_dict()
        is_fixed = cls.learns_from != "images" or values.get("freeze", False)
        if not is_fixed or not _has_plain_features(cls) or values["weights"] == NONE:
            return None
        return {name: values[name] for name in EncoderSettings.names()}

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The modules beside the encoder, for D features and the number of train classes."""
        del features, classes
        return {}

    @property
    def network(self) -> nn.Module:
        """The encoder."""
        encoder: nn.Module = self.parts["encoder"]
        return encoder

    @property
    def image_size(self) -> int:
        """The side of the images that enter the encoder, in pixels."""
        encoder: Encoder = self.parts["encoder"]  # type: ignore[assignment]
        return encoder.image_size

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder and the heads with fresh weights, from torch's global generator.

        fetch: load the weights that the settings name; a checkpoint holds all weights, so that
        `load` does not need them. Raises `Unavailable` if published weights are neither cached nor
        downloadable.
        """
        encoder = Encoder(self.settings, fetch=fetch)
        # the encoder first: the order of the draws decides which weights a seed gives
        parts = nn.ModuleDict({"encoder": encoder, **self.heads(encoder.features, classes)})
        parts = parts.to(device).to(memory_format=torch.channels_last)
        self.parts = parts.eval()
        self.classes = classes

    def check_weights(self) -> None:
        """Raise `NotApplicable` if the weights of the settings are not for this baseline."""

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Make the encoder and keep it as it is. Raises as `check_weights`."""
        self.check_weights()
        classes = len(train.class_names)
        self.build(classes, context.device)

    def state(self) -> Mapping[str, Tensor]:
        """Weights and buffers of all modules, and the number of train classes."""
        classes = torch.tensor(self.classes)
        return {**self.parts.state_dict(), "classes": classes}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Take back what `state` gave."""
        weights = dict(state)
        classes = int(weights.pop("classes"))
        self.build(classes, context.device, fetch=False)
        self.parts.load_state_dict(weights)

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """The encoder's features (B, D), in float32 and evaluation mode."""
        features = []
        with exact_convolutions():
            for images in images_BCHW.split(self._embedded_at_once(images_BCHW)):
                resized = resize(images, self.image_size)
                features.append(self.parts["encoder"](resized).float())
        return torch.cat(features)

    def _embedded_at_once(self, images_BCHW: Tensor) -> int:
        """How many of the images pass the encoder together."""
        count = max(1, len(images_BCHW))
        if torch.is_grad_enabled() or images_BCHW.is_cuda:
            # one pass, as who asks for gradients watches the layers in it
            return count
        return min(count, max(1, EMBEDDED_PIXELS // self.image_size**2))


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(EncoderSettings):
    """How every trained baseline is trained.

    passes: the budget, in images passed through the encoder, each view counted; precision: of the
    encoder in training; augment: training sees random views; crop: smallest share of the area that
    a random crop keeps; flip: probability of each flip; rotate: views are rotated; freeze: only the
    modules beside the encoder are trained.
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
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("passes", 1)
        self.need_at_least("batch_size", 2)
        self.need_positive("learning_rate")
        self.need(0 < self.crop <= 1, "crop", "more than 0, at most 1")
        self.need(0 <= self.flip <= 1, "flip", "0 to 1")


# where a setting that presets replace comes from
_ORIGINS: dict[str, type[Settings]] = {
    "encoder": EncoderSettings,
    "weights": EncoderSettings,
    "image_size": EncoderSettings,
    "learning_rate": TrainingSettings,
}


# what a subclass may not replace if its features are to be those of the encoder alone
_FEATURE_METHODS = ("build", "embed", "fit", "load", "network", "_learned", "_start_training")


def _has_plain_features(baseline_class: type[EncoderBaseline]) -> bool:
    for name in _FEATURE_METHODS:
        method = getattr(baseline_class, name, None)
        ours = [getattr(owner, name, None) for owner in (EncoderBaseline, TrainedBaseline)]
        if method not in ours:
            return False
    return True


def chosen_by_method(settings_type: type[Settings]) -> set[str]:
    """Which of encoder, weights, image_size and learning_rate a method declares itself.

    Presets do not replace these. A method that declares its encoder chooses the weights too, as
    those of another encoder do not fit.
    """
    chosen = set()
    for name, origin in _ORIGINS.items():
        declaring = [cls for cls in settings_type.__mro__ if name in vars(cls)]
        if declaring and declaring[0] is not origin:
            chosen.add(name)
    if "encoder" in chosen:
        chosen.add("weights")
    return chosen


class TrainedBaseline(EncoderBaseline):
    """A baseline that trains its encoder. A subclass defines its loss, if needed its batches."""

    settings_type = TrainingSettings
    settings: TrainingSettings

    @abstractmethod
    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch of images, values 0 to 255.

        The images have the stored size: `plain` or `view` bring them to the settings' size.
        `generator` is for views and nothing else.
        """

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """The image indices of one batch after another, without end."""
        return shuffled_batches(labels_M, self.settings.batch_size, generator)

    def passed(self, batch: Tensor) -> int:
        """How many images pass through the encoder for a batch of image indices."""
        return len(batch) * self.views

    def view(self, images_BCHW: Tensor, generator: torch.Generator) -> Tensor:
        """A random view of each image, at the settings' size."""
        settings = self.settings
        if not settings.augment:
            return self.plain(images_BCHW)
        augment = Augment(
            size=self.image_size,
            crop=settings.crop,
            flip=settings.flip,
            rotate=settings.rotate,
        )
        return augment(images_BCHW, generator)

    def plain(self, images_BCHW: Tensor) -> Tensor:
        """The images themselves, at the settings' size."""
        return resize(images_BCHW, self.image_size)

    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D) in training: computed in `precision`, returned as float32."""
        with self.precisely(images_BCHW.device):
            features: Tensor = self.parts["encoder"](images_BCHW)
        return features.float()

    def precisely(self, device: torch.device) -> torch.autocast:
        """A context in which networks compute in `precision`."""
        is_bf16 = self.settings.precision == "bf16"
        return torch.autocast(device.type, torch.bfloat16, enabled=is_bf16)

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Minimise `loss` with Adam until the budget of passes is spent.

        A training that was interrupted goes on from `context.resumed`. Raises `UserError` if that
        is of another training, or if there is nothing to train.
        """
        settings = self.settings
        classes = len(train.class_names)
        self.build(classes, context.device, fetch=context.resumed is None)
        images = _stored_images(train, self.image_size, context.device)
        labels_M = torch.from_numpy(train.labels)  # on the processor, where batches are drawn
        stored_labels = labels_M.to(context.device)
        order = _generator(context.seed, "order")
        views = _generator(context.seed, "views")
        self._start_training()
        # fused: one kernel for all parameters, which is faster
        optimiser = torch.optim.Adam(self._learned(), lr=settings.learning_rate, fused=True)
        snapshot = Snapshot(self.parts, optimiser, views, context.device)
        batches_done = 0
        passed = 0
        if context.resumed is not None:
            batches_done, passed = _restore(snapshot, context.resumed)
        reports_made = passed * MOST_REPORTS // settings.passes
        # drawing the batches that were done brings `order` to where it was
        batches = itertools.islice(self.batches(labels_M, order), batches_done, None)
        for batch in batches:
            indices = batch.to(context.device)
            batch_images = images[indices].float()
            loss = self.loss(batch_images, stored_labels[indices], views)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            passed += self.passed(batch)
            finished = passed >= settings.passes
            reports_due = passed * MOST_REPORTS // settings.passes
            if reports_due > reports_made or finished:
                reports_made = reports_due
                context.progress(passed, float(loss.detach()))
            if finished:
                break
            batches_done += 1
            # a function, as the state is needed only now and then
            context.keep(functools.partial(snapshot.take, batches_done, passed))
        self.parts.eval()

    def _start_training(self) -> None:
        """Put modules that learn in training mode. A frozen encoder stays in evaluation mode."""
        self.parts.train()
        if self.settings.freeze:
            # in evaluation mode its batch normalisations keep their moments too
            self.network.requires_grad_(False).eval()

    def _learned(self) -> list[nn.Parameter]:
        """The parameters to learn."""
        parameters = self.parts.parameters()
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        if not learned:
            raise UserError("freeze=true leaves it nothing to train; leave --freeze out for it")
        return learned


def _generator(seed: int, purpose: str) -> torch.Generator:
    """A random generator whose seed depends on the training's seed and the purpose."""
    generator = torch.Generator()
    return generator.manual_seed(derive(seed, purpose))


def _restore(snapshot: Snapshot, state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Batches and images passed by the time of `state`, to which the training is put back."""
    try:
        return snapshot.restore(state)
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        reason = str(error)[:80]
        raise UserError(
            f"what was kept of its training is of another one ({reason} ...); run with --fresh"
        ) from None


def _stored_images(train: LabelledImages, view_size: int, device: torch.device) -> Tensor:
    """All train images (M, C, S, S), uint8, on the device; S is 1 to 2 times the size of a view."""
    largest = STORED_SCALE * view_size
    size = max(view_size, min(train.images.shape[-1], largest))
    stored = []
    for images in torch.from_numpy(train.images).split(RESIZED_AT_ONCE):
        resized = resize(images.to(device), size)
        stored.append(resized.round().clamp(0, 255).byte())
    return torch.cat(stored)


def shuffled_batches(labels_M: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices of every image once an epoch, in random order.

    The iterator does not end. Images that do not fill a batch at the end of an epoch are dropped.
    """
    count = len(labels_M)
    size = min(size, count)
    used = count // size * size
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order[:used].split(size)


def balanced_batches(
    labels_M: Tensor, ways: int, per_class: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Indices of `per_class` random images of each of `ways` random classes, class by class.

    The iterator does not end. Neither a class nor an image occurs twice in a batch.
    """
    classes = int(labels_M.max()) + 1
    images_of = [torch.nonzero(labels_M == label).ravel() for label in range(classes)]
    while True:
        batch = []
        for label in torch.randperm(classes, generator=generator)[:ways].tolist():
            images = images_of[label]
            order = torch.randperm(len(images), generator=generator)
            batch.append(images[order[:per_class]])
        yield torch.cat(batch)
