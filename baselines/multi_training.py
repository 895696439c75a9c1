"""Multi-training of a GAN and ResNet-18, as we read its abstract: two judges give labels.

Shapes: B images of a batch, M labelled images, U candidates, C channels, K classes, Z noise.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from fewshot_bench.plugins.baselines.resnet import ResNet
from torch import Tensor, nn

from fewshot_bench import Card, Context, LabelledImages, Published
from fewshot_bench.learn import Encoder, EncoderSettings, OwnNetworkSettings, resize

GAN_SIDE = 64  # pixels
WIDTHS = (512, 256, 128, 64)  # channels of the generator; the discriminator has them in reverse
GAN_VIEWS = 3  # images that pass the discriminator for each of a batch: real, and made ones twice
REPORTS = 200  # losses that a training reports
AT_ONCE = 64  # candidates


class Maker(nn.Module):
    """Noise (B, Z) to images (B, C, 64, 64), values -1 to 1 (DCGAN, Radford et al. 2016)."""

    def __init__(self, noise: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ConvTranspose2d(noise, WIDTHS[0], 4, bias=False)]
        for width, next_width in itertools.pairwise(WIDTHS):
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.ConvTranspose2d(width, next_width, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU()]
        layers.append(nn.ConvTranspose2d(WIDTHS[-1], channels, 4, 2, 1))
        self.layers = nn.Sequential(*layers)
        self.apply(_as_dcgan)

    def forward(self, noise_BZ: Tensor) -> Tensor:
        """(B, C, 64, 64)."""
        made: Tensor = self.layers(noise_BZ[:, :, None, None])
        return made.tanh()


class Judge(nn.Module):
    """Images (B, C, 64, 64), values -1 to 1, to scores (B, K + 1): the classes, and "generated"."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        widths = tuple(reversed(WIDTHS))
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for width, next_width in itertools.pairwise(widths):
            layers.append(nn.Conv2d(width, next_width, 4, 2, 1, bias=False))
            layers += [nn.BatchNorm2d(next_width), nn.LeakyReLU(0.2)]
        layers.append(nn.Conv2d(widths[-1], classes + 1, 4))
        self.layers = nn.Sequential(*layers)
        self.apply(_as_dcgan)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """(B, K + 1)."""
        scores: Tensor = self.layers(images_BCHW)
        return scores.flatten(1)


def _as_dcgan(module: nn.Module) -> None:
    """Initial weights as DCGAN has them: of standard deviation 0.02."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def judge_loss(real_BK: Tensor, labels_B: Tensor, made_BK: Tensor) -> Tensor:
    """Cross-entropy: a labelled image is of its class, a made one is "generated", the last."""
    generated = torch.full_like(labels_B, made_BK.shape[1] - 1)
    return F.cross_entropy(real_BK, labels_B) + F.cross_entropy(made_BK, generated)


def maker_loss(made_BK: Tensor) -> Tensor:
    """-log of the probability that a made image is of any class."""
    of_classes = made_BK[:, :-1].logsumexp(1)
    return (made_BK.logsumexp(1) - of_classes).mean()


def agreed(
    first_UK: Tensor, second_UK: Tensor, least: float, most_K: Tensor
) -> tuple[Tensor, Tensor]:
    """Indices and classes of the candidates on whose class both agree, each with `least` or more.

    first_UK, second_UK: probabilities of the classes; most_K: how many are taken of each class,
    those of which both together are surest.
    """
    first_U, class_U = first_UK.max(1)
    second_U, second_class_U = second_UK.max(1)
    is_agreed_U = (class_U == second_class_U) & (first_U >= least) & (second_U >= least)
    surest_first = torch.argsort(first_U * second_U, descending=True, stable=True)
    taken = []
    for label, most in enumerate(most_K.tolist()):
        is_taken_U = is_agreed_U & (class_U == label)
        taken.append(surest_first[is_taken_U[surest_first]][:most])
    indices = torch.cat(taken)
    return indices, class_U[indices]


class Added(NamedTuple):
    """How many candidates were added in a round: train images without labels, and made images."""

    unlabelled: int
    made: int


@dataclass(frozen=True, kw_only=True)
class MultiTrainingSettings(OwnNetworkSettings):
    """rounds: how often candidates are judged and both networks trained on.

    agreement: the least probability that both must give to one class; gan_share: of the budget,
    which the GAN gets; gan_learning_rate: of its Adam, whose beta1 is 0.5; noise: Z.
    """

    rounds: int = 3
    agreement: float = 0.9
    gan_share: float = 0.5
    gan_learning_rate: float = 2e-4
    noise: int = 100

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("rounds", 0)
        self.need(0 <= self.agreement <= 1, "agreement", "0 to 1")
        self.need(0 <= self.gan_share < 1, "gan_share", "0 or more, less than 1")
        self.need_positive("gan_learning_rate")
        self.need_at_least("noise", 1)


class MultiTraining(ResNet):
    """ResNet-18, and a GAN whose discriminator knows the classes, label images for each other.

    Both are trained on the labelled images. Then, `rounds` times: as many images are made as there
    are labelled ones; they and the train images without labels (`--unlabelled`) are candidates;
    those on whose class both agree are added for this round, of each class at most as many as are
    labelled; both networks are trained on. ResNet-18 answers.

    Known from the abstract: a categorised GAN makes samples, it and a ResNet-18 are trained in
    turns on labelled and on agreed unlabelled samples, several rounds. The rest is our reading.
    An image that passes ResNet-18 or the discriminator in training counts as one of `passes`; the
    judging of candidates, from which no weight learns, is not counted. A training that is
    interrupted begins anew. `added`: what each round of `fit` added.
    """

    card = Card(
        title="Multi-training of GAN and ResNet-18 (our reading)",
        paper="He, Song, Dong and Yan: Semi-supervised defect classification of steel surface "
        "based on multi-training and generative adversarial network (Optics and Lasers in "
        "Engineering 122)",
        year=2019,
        published=Published.table(
            "neu-classify", "cited as [15] in Table II of Phuong et al. (2024)", {"0.6": 0.9956}
        ),
    )
    sees = frozenset({"unlabelled"})
    settings_type = MultiTrainingSettings
    settings: MultiTrainingSettings

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        """ResNet-18 with random weights."""
        del fetch
        return Encoder(EncoderSettings(encoder="resnet18", image_size=self.settings.image_size))

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Train both in turns until the budget of passes is spent."""
        settings = self.settings
        self.build(len(train.class_names), context.device)
        training = _Training(self, train, context)
        self.added: list[Added] = []
        phases = settings.rounds + 1
        for phase in range(phases):
            if phase > 0:
                self.added.append(training.add_agreed())
            begin = settings.passes * phase // phases
            end = settings.passes * (phase + 1) // phases
            training.train_gan(begin + int(settings.gan_share * (end - begin)))
            training.train_network(end)
        self.parts.eval()


class _Training:
    """What a training holds beside the networks that answer."""

    def __init__(self, baseline: MultiTraining, train: LabelledImages, context: Context) -> None:
        settings = baseline.settings
        self.baseline = baseline
        self.settings = settings
        self.context = context
        self.passed = 0
        self.generator = torch.Generator().manual_seed(context.seed)
        # at the size that views are cut from, as all baselines have them
        self.side = max(settings.image_size, min(train.images.shape[-1], 2 * settings.image_size))
        self.labelled = self._stored(torch.from_numpy(train.images))
        self.labels = torch.from_numpy(train.labels)
        self.unlabelled = self.labelled[:0]
        if context.unlabelled is not None:
            self.unlabelled = self._stored(context.unlabelled)
        self.images = self.labelled
        self.image_labels = self.labels
        channels = self.labelled.shape[1]
        self.maker = Maker(settings.noise, channels).to(context.device)
        self.judge = Judge(channels, baseline.classes).to(context.device)
        self.optimiser = baseline.optimiser(list(baseline.parts.parameters()))
        self.maker_optimiser = self._gan_optimiser(self.maker)
        self.judge_optimiser = self._gan_optimiser(self.judge)

    def _gan_optimiser(self, module: nn.Module) -> torch.optim.Optimizer:
        rate = self.settings.gan_learning_rate
        return torch.optim.Adam(module.parameters(), lr=rate, betas=(0.5, 0.999))

    def _stored(self, images_MCHW: Tensor) -> Tensor:
        """(M, C, S, S), uint8."""
        parts = [
            resize(part, self.side).round().clamp(0, 255).byte()
            for part in images_MCHW.split(AT_ONCE)
        ]
        return torch.cat(parts) if parts else images_MCHW

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Random images (B, C, S, S), float, and their labels."""
        size = min(self.settings.batch_size, len(self.images))
        chosen = torch.randperm(len(self.images), generator=self.generator)[:size]
        device = self.context.device
        return self.images[chosen].to(device).float(), self.image_labels[chosen].to(device)

    def make(self, count: int) -> Tensor:
        """So many images (B, C, 64, 64), values -1 to 1."""
        noise_BZ = torch.randn(count, self.settings.noise, generator=self.generator)
        made: Tensor = self.maker(noise_BZ.to(self.context.device))
        return made

    def train_gan(self, end: int) -> None:
        """Train the GAN while its steps do not go beyond `end` passes."""
        self.maker.train()
        self.judge.train()
        while True:
            step = GAN_VIEWS * min(self.settings.batch_size, len(self.images))
            if self.passed + step > end:
                return
            self.gan_step()
            self.passed += step

    def gan_step(self) -> None:
        """One step of the judge, then one of the maker."""
        images, labels = self._batch()
        made = self.make(len(labels))
        real_scores = self.judge(_as_judged(images))
        loss = judge_loss(real_scores, labels, self.judge(made.detach()))
        self.judge_optimiser.zero_grad()
        loss.backward()
        self.judge_optimiser.step()
        loss = maker_loss(self.judge(made))
        self.maker_optimiser.zero_grad()
        loss.backward()
        self.maker_optimiser.step()

    def train_network(self, end: int) -> None:
        """Train ResNet-18 until `end` passes are spent."""
        self.baseline.parts.train()
        total = self.settings.passes
        while self.passed < end:
            images, labels = self._batch()
            loss = self.baseline.loss(images, labels, self.generator)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            before = self.passed * REPORTS // total
            self.passed += len(labels)
            if self.passed * REPORTS // total > before or self.passed >= total:
                self.context.progress(self.passed, float(loss.detach()))

    @torch.no_grad()
    def add_agreed(self) -> Added:
        """Make images, and train on those, and on images without labels, that both agree on."""
        self.maker.eval()
        made = [self.make(len(part)) for part in self.labels.split(AT_ONCE)]
        as_images = [self._stored(127.5 * (part + 1)).cpu() for part in made]
        candidates = torch.cat([self.unlabelled, *as_images])
        most_K = torch.bincount(self.labels, minlength=self.baseline.classes)
        first, second = self._probabilities(candidates)
        chosen, labels = agreed(first, second, self.settings.agreement, most_K)
        self.images = torch.cat([self.labelled, candidates[chosen]])
        self.image_labels = torch.cat([self.labels, labels])
        is_unlabelled = chosen < len(self.unlabelled)
        unlabelled = int(is_unlabelled.sum())
        return Added(unlabelled, len(chosen) - unlabelled)

    def _probabilities(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Of ResNet-18 and of the judge, (U, K) each; the judge may say "generated" instead."""
        self.baseline.parts.eval()
        self.judge.eval()
        first = []
        second = []
        for part in candidates.split(AT_ONCE):
            images = part.to(self.context.device)
            first.append(self.baseline.logits(images).softmax(1).cpu())
            scores = self.judge(_as_judged(images.float()))
            second.append(scores.softmax(1)[:, :-1].cpu())
        return torch.cat(first), torch.cat(second)


def _as_judged(images_BCHW: Tensor) -> Tensor:
    """(B, C, 64, 64), values -1 to 1, of images with values 0 to 255."""
    return resize(images_BCHW, GAN_SIDE) / 127.5 - 1
