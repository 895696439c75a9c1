"""Features of references and pictures by one method: of one training, made by the engine.

Shapes: M images, D features, V views of an image.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.deploy.chosen import ChosenMethod
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.progress import OnProgress, StageReporter
from fewshot_bench.engine.threads import threads_set
from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.planning.plan import Training, training_settings
from fewshot_bench.planning.plan_in_folder import settled_for
from fewshot_bench.planning.settled import SettledFolder, settled_folder
from fewshot_bench.protocols.split import Split
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths

__all__ = ["MethodFeatures", "method_features"]

SEED = 0


class MethodFeatures:
    """A method trained on images, if it trains, and its features of any images.

    train: the images of the known classes, or of the new ones where a method learns nothing.
    """

    def __init__(
        self,
        chosen: ChosenMethod,
        train: LabelledImages,
        folder: SettledFolder,
        notify: OnProgress,
    ) -> None:
        self.chosen = chosen
        self.train = train
        self._folder = folder
        self._report = StageReporter(chosen.method.name, "", "", notify)
        settings, given = training_settings(
            chosen.baseline,
            chosen.preset,
            chosen.options,
            folder.computing,
            side=train.images.shape[-1],
            train_images=len(train),
        )
        self._training = Training(
            plugin=chosen.baseline.plugin,
            settings=settings,
            given=given,
            preset=chosen.preset.name,
            dataset_digest=train.digest,
            split=self._split(train),
            seed=SEED,
            version=version("fewshot-bench"),
            beside_labels=train.beside_labels_digest(chosen.baseline_class.sees),
        )
        if self._training.learns:
            self._settle()

    def _settle(self) -> None:
        """Compute the training as is settled in its folder, unless it is there already."""
        while True:
            folder = self._folder
            self._training = self._training.computed_with(folder.computing)
            if folder.paths.checkpoint(self._training.key).is_file():
                return
            self._folder = settled_for(folder, [self._training])
            if self._folder == folder:
                return

    def _split(self, images: LabelledImages) -> Split:
        """Training on all train images, and asked about all of `images`.

        A method that learns nothing from images "trains" on those it is asked about.
        It has the number of a run, as features of a training are then not kept on disk: their
        files are named by the indices of images, and here they are of several sets.
        """
        learns = self.chosen.baseline_class.learns_from == "images"
        trained_on = self.train if learns else images
        train = np.arange(len(trained_on))
        return Split(trained_on.class_names, train, np.arange(len(images)), run=0)

    @property
    def threads(self) -> int | None:
        """The threads that all of this takes; None: those that there are."""
        settled = self._folder.computing.threads if self._training.learns else None
        return settled or self.chosen.machine.asked

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline after its training."""
        return self._fitted(self.train).baseline

    def of(self, images: LabelledImages) -> Tensor:
        """Features (M, D) on the processor, from the cache if these images were embedded before.

        Raises `UserError` where the method fails.
        """
        return self._made(images, lambda features: features.embeddings_MD.cpu())

    def views_of(self, images: LabelledImages) -> Tensor:
        """Features of single views (V, M, D), as `of`; see `embed_views`."""
        return self._made(images, lambda features: features.views_VMD)

    def _made(self, images: LabelledImages, read: Callable[[Features], Tensor]) -> Tensor:
        fitted = self._fitted(images)
        try:
            if self._training.learns:
                # on the train images, before a checkpoint of it is read for others
                self._fitted(self.train).train()
            return read(Features(fitted))
        except UserError:
            raise
        except PLUGIN_ERRORS as error:
            raise UserError(
                f"method {self.chosen.method.name} failed ({error}); name another with --method"
            ) from error

    def _fitted(self, images: LabelledImages) -> FittedBaseline:
        training = self._training
        if images is not self.train:
            values = {**vars(training), "split": self._split(images)}
            names = Training.__dataclass_fields__
            training = Training(**{name: values[name] for name in names})
        folder = self._folder
        return FittedBaseline(images, training, folder.device, folder.paths, self._report)


@contextlib.contextmanager
def method_features(
    chosen: ChosenMethod, train: LabelledImages, out: Path, notify: OnProgress
) -> Iterator[MethodFeatures]:
    """A method and its features. A training is kept in the folder of results `out`.

    What no training changes leaves nothing there.
    """
    machine = chosen.machine
    with tempfile.TemporaryDirectory() as temporary, torch.no_grad():
        if chosen.baseline_class.learns_from == "images":
            folder = settled_folder(ResultsFolder(out), machine)
        else:
            folder = SettledFolder(ResultPaths(Path(temporary)), machine, machine.own)
        features = MethodFeatures(chosen, train, folder, notify)
        with threads_set(features.threads):
            yield features
