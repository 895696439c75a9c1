"""One training loop for every baseline that has an encoder, so that a comparison is fair.

Shapes: B images of a batch, C channels, H = W the settings' image size, D features, M train images.
"""

from __future__ import annotations

import functools
import itertools
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Baseline, Context, LearnsFrom
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.batches import Batch, TrainImages, shuffled_batches
from fewshot_bench.learn.encoder import (
    Encoder,
    EncoderSettings,
    ImageSizeSettings,
    exact_convolutions,
    resize,
)
from fewshot_bench.learn.network import NONE
from fewshot_bench.learn.snapshot import Snapshot
from fewshot_bench.learn.training_settings import LoopSettings, TrainingSettings
from fewshot_bench.seeds import derive
from fewshot_bench.settings import Settings

__all__ = ["EncoderBaseline", "TrainedBaseline"]

MOST_REPORTS = 200  # losses that one training reports
# Pixels that pass an encoder together on a processor: 4 images of 224 x 224. The maps of more leave
# its caches, and EfficientNet-Lite0 then embeds half as many images a second or fewer.
EMBEDDED_PIXELS = 4 * 224**2


class EncoderBaseline(Baseline):
    """A baseline that embeds with an encoder. `heads` are the modules learned beside it."""

    settings_type: ClassVar[type[ImageSizeSettings]] = EncoderSettings
    settings: ImageSizeSettings
    learns_from: ClassVar[LearnsFrom] = "seed"

    @classmethod
    def shared_features(cls, settings: Settings) -> Mapping[str, object] | None:
        """The encoder, where it alone embeds and its weights are published and never trained."""
        values = settings.as_dict()
        is_fixed = cls.learns_from != "images" or values.get("freeze", False)
        if not is_fixed or not _has_plain_features(cls) or values["weights"] == NONE:
            return None
        return {name: values[name] for name in EncoderSettings.names()}

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """The encoder: by default that of a library, which the settings name.

        A method that brings its own network returns it here. It takes float images (B, C, S, S)
        with values 0 to 255, C = 1 or 3, gives features (B, D), and has the attributes `features`
        (D) and `image_size` (S, in pixels). fetch: as `build`, whose errors it raises.
        """
        assert isinstance(self.settings, EncoderSettings)
        return Encoder(self.settings, fetch=fetch)

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
        size: int = self.network.image_size  # type: ignore[assignment]
        return size

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder and the heads with fresh weights, from torch's global generator.

        fetch: load the weights that the settings name; a checkpoint holds all weights, so that
        `load` does not need them. Raises `Unavailable` if published weights are neither cached nor
        downloadable.
        """
        encoder = self.make_encoder(fetch=fetch)
        features: int = encoder.features  # type: ignore[assignment]
        # the encoder first: the order of the draws decides which weights a seed gives
        parts = nn.ModuleDict({"encoder": encoder, **self.heads(features, classes)})
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


# what a subclass may not replace if its features are to be those of the encoder alone
_FEATURE_METHODS = (
    "build",
    "embed",
    "fit",
    "load",
    "make_encoder",
    "network",
    "_learned",
    "_start_training",
)


def _has_plain_features(baseline_class: type[EncoderBaseline]) -> bool:
    for name in _FEATURE_METHODS:
        method = getattr(baseline_class, name, None)
        ours = [getattr(owner, name, None) for owner in (EncoderBaseline, TrainedBaseline)]
        if method not in ours:
            return False
    return True


class TrainedBaseline(EncoderBaseline):
    """A baseline that trains its encoder. A subclass defines its loss, if needed its batches."""

    settings_type: ClassVar[type[LoopSettings]] = TrainingSettings
    settings: LoopSettings

    @abstractmethod
    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch of images, values 0 to 255.

        The images have the stored size: `plain` or `view` bring them to the settings' size.
        `generator` is for views and nothing else.
        """

    def batch_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """As `loss`, for a method that sees more than the classes of the images, see `sees`."""
        return self.loss(batch.images_BCHW, batch.labels_B, generator)

    def optimiser(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """What minimises the loss: Adam."""
        # fused: one kernel for all parameters, which is faster
        return torch.optim.Adam(parameters, lr=self.settings.learning_rate, fused=True)

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

    def view_together(
        self, images_BCHW: Tensor, masks_B1HW: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """A random view of each image and of its mask, moved alike."""
        channels = images_BCHW.shape[1]
        together = torch.cat([images_BCHW, masks_B1HW], dim=1)
        views = self.view(together, generator)
        return views[:, :channels], views[:, channels:]

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
        """Minimise `batch_loss` until the budget of passes is spent.

        A training that was interrupted goes on from `context.resumed`. Raises `UserError` if that
        is of another training, or if there is nothing to train.
        """
        settings = self.settings
        classes = len(train.class_names)
        self.build(classes, context.device, fetch=context.resumed is None)
        images = TrainImages(train, self.image_size, context.device, self.sees)
        labels_M = torch.from_numpy(train.labels)  # on the processor, where batches are drawn
        order = _generator(context.seed, "order")
        views = _generator(context.seed, "views")
        self._start_training()
        optimiser = self.optimiser(self._learned())
        snapshot = Snapshot(self.parts, optimiser, views, context.device)
        batches_done = 0
        passed = 0
        if context.resumed is not None:
            batches_done, passed = _restore(snapshot, context.resumed)
        reports_made = passed * MOST_REPORTS // settings.passes
        # drawing the batches that were done brings `order` to where it was
        batches = itertools.islice(self.batches(labels_M, order), batches_done, None)
        for batch in batches:
            share = passed / settings.passes
            loss = self.batch_loss(images.batch(batch, share), views)
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
        if isinstance(self.settings, TrainingSettings) and self.settings.freeze:
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
