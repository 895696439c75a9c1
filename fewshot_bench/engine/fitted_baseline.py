"""One training: the baseline after its `fit`, made when it is first needed and kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine.progress import StageReporter
from fewshot_bench.errors import Diverged, UserError
from fewshot_bench.planning.plan import Training
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.tensors import check_space, load_tensors, read_about, save_tensors
from fewshot_bench.seeds import derive, global_seed

__all__ = ["FittedBaseline", "Learned"]

KEEP_EVERY = 60.0  # seconds of training, after which its state is kept


@dataclass(frozen=True)
class Learned:
    """What the record says of a training. history: (images passed, loss) from time to time."""

    images_passed: int
    parameters: int
    history: tuple[tuple[int, float], ...]
    seconds: float

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Learned:
        """From the description in a checkpoint."""
        history = tuple((int(passed), float(loss)) for passed, loss in about["history"])
        return cls(about["images_passed"], about["parameters"], history, about["seconds"])


class FittedBaseline:
    """A training with the images that its baseline is asked about.

    `embedded` holds the indices in the data set of the test images and, in a classification
    protocol, of the references. A position is a place in `embedded`.
    """

    def __init__(
        self,
        data: LabelledImages,
        training: Training,
        device: torch.device,
        paths: ResultPaths,
        report: StageReporter,
    ) -> None:
        self.data = data
        self.training = training
        self.device = device
        self.paths = paths
        self.report = report
        self.embedded = training.split.embedded.astype(np.int64)
        self._checkpoint = paths.checkpoint(training.key)
        self._unfinished = paths.unfinished(training.key)
        self._learned: Learned | None = None
        self._baseline: Baseline | None = None

    @property
    def is_trained(self) -> bool:
        """Whether `train` has ended."""
        return self._learned is not None

    def train(self) -> Learned:
        """Run `fit` if there is no checkpoint; what the record says of the training."""
        if self._learned is None:
            about = read_about(self._checkpoint)
            self._learned = self._fit() if about is None else Learned.of(about)
            self._unfinished.unlink(missing_ok=True)
        return self._learned

    @property
    def baseline(self) -> Baseline:
        """The baseline after `fit`, or from its checkpoint.

        A network is built only when it is needed, since that takes long.
        """
        self.train()
        if self._baseline is None:
            self._baseline = self._from_checkpoint()
        return self._baseline

    def images(self, positions: npt.NDArray[np.integer[Any]]) -> Tensor:
        """The images at these positions, uint8, (B, C, H, W), on the device."""
        return self.images_of(self.embedded[positions])

    def images_of(self, indices: npt.NDArray[np.integer[Any]]) -> Tensor:
        """The images at these indices in the data set, as `images`."""
        return torch.from_numpy(self.data.images[indices]).to(self.device)

    def forget(self) -> None:
        """Remove what is on disk of the training."""
        self._checkpoint.unlink(missing_ok=True)
        self._unfinished.unlink(missing_ok=True)

    def _fit(self) -> Learned:
        """Run `fit`, from where it was kept last if it was interrupted."""
        training = self.training
        resumed, about = load_tensors(self._unfinished) or (None, {})
        keeper = _Keeper(self, about)
        context = Context(
            self.device,
            self._seed,
            keeper.progress,
            keep=keeper.keep,
            resumed=resumed,
            unlabelled=self._unlabelled(),
        )
        split = training.split
        # a notebook may have turned gradients off
        with global_seed(context.seed), torch.enable_grad():
            baseline = training.baseline_class(training.settings)
            train_images = self.data.subset(split.train_classes, split.train)
            keeper.begin()
            try:
                baseline.fit(train_images, context=context)
            except Diverged:
                self._unfinished.unlink(missing_ok=True)
                raise
        history = tuple(keeper.history)
        learned = Learned(
            images_passed=history[-1][0] if history else 0,
            parameters=_parameters(baseline),
            history=history,
            seconds=keeper.seconds,
        )
        save_tensors(self._checkpoint, baseline.state(), asdict(learned))
        self._baseline = baseline
        return learned

    def _unlabelled(self) -> Tensor | None:
        """The train images without labels, for a baseline that looks at them."""
        if not self.training.uses_unlabelled:
            return None
        return torch.from_numpy(self.data.images[self.training.split.unlabelled])

    def _from_checkpoint(self) -> Baseline:
        stored = load_tensors(self._checkpoint)
        if stored is None:
            raise UserError(f"{self._checkpoint} was removed while it was used; run again")
        tensors, _ = stored
        state = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        context = Context(self.device, self._seed, _ignore_progress)
        with global_seed(context.seed):
            baseline = self.training.baseline_class(self.training.settings)
            baseline.load(state, context=context)
        return baseline

    @property
    def _seed(self) -> int:
        return derive("training", self.training.seed)


class _Keeper:
    """Follows a training, and keeps its state now and then so that it goes on after a kill.

    about: the description of the state that was kept last, or empty.
    """

    def __init__(self, fitted: FittedBaseline, about: Mapping[str, Any]) -> None:
        self.fitted = fitted
        self.history: list[tuple[int, float]] = []
        for passed, loss in about.get("history", []):
            self.history.append((int(passed), float(loss)))
        self._seconds_before = float(about.get("seconds", 0.0))
        self._begun = time.perf_counter()
        self._kept = self._begun
        self._has_space = False
        settings = fitted.training.settings.as_dict()
        self._total = int(settings.get("passes", 0))

    @property
    def seconds(self) -> float:
        """Seconds of training, with those before an interruption."""
        return round(self._seconds_before + time.perf_counter() - self._begun, 3)

    def begin(self) -> None:
        """Report that a training begins: it can take a minute until its first loss is noted."""
        if self._total:
            passed = self.history[-1][0] if self.history else 0
            self.fitted.report("train", passed, self._total)

    def keep(self, snapshot: Callable[[], Mapping[str, Tensor]]) -> None:
        """Keep the state if the last time is long enough ago."""
        if not self._has_space:
            size = sum(tensor.nbytes for tensor in snapshot().values())
            check_space(self.fitted.paths.out, size)
            self._has_space = True
        if time.perf_counter() >= self._kept + KEEP_EVERY:
            about = {"history": self.history, "seconds": self.seconds}
            unfinished = self.fitted.paths.unfinished(self.fitted.training.key)
            save_tensors(unfinished, snapshot(), about)
            self._kept = time.perf_counter()

    def progress(self, images_passed: int, loss: float) -> None:
        """Note a loss; raises `Diverged` where it is not finite."""
        self.history.append((images_passed, loss))
        if not np.isfinite(loss):
            raise Diverged(
                f"the loss was {loss} after {images_passed} images passed; lower the learning rate"
            )
        note = f"loss {loss:.3f}"
        self.fitted.report("train", images_passed, self._total, note, loss=loss)


def _ignore_progress(images_passed: int, loss: float) -> None:
    """For a baseline that loads what it learned: there is nothing to follow."""


def _parameters(baseline: Baseline) -> int:
    """The number of parameters of its encoder."""
    network = baseline.network
    if network is None:
        return 0
    return sum(parameter.numel() for parameter in network.parameters())
