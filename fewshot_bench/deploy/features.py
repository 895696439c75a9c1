"""Features of references and pictures by one method: of one training, made by the engine.

Shapes: M images, D features.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
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
from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.planning.plan import Training, training_settings
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
        self, chosen: ChosenMethod, train: LabelledImages, paths: ResultPaths, notify: OnProgress
    ) -> None:
        self.chosen = chosen
        self.train = train
        self._paths = paths
        self._report = StageReporter(chosen.method.name, "", "", notify)
        settings, given = training_settings(
            chosen.baseline,
            chosen.preset,
            chosen.options,
            chosen.device,
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

    def _split(self, images: LabelledImages) -> Split:
        """Training on all train images, and asked about all of `images`.

        A method that learns nothing from images "trains" on those it is asked about.
        It has the number of a run, as features of a training are then not kept on disk: their
        files are named by the indices of images, and here they are of several sets.
        """
        trained_on = self.train if self._trains else images
        train = np.arange(len(trained_on))
        return Split(trained_on.class_names, train, np.arange(len(images)), run=0)

    @property
    def _trains(self) -> bool:
        return self.chosen.baseline_class.learns_from == "images"

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline after its training."""
        return self._fitted(self.train).baseline

    def of(self, images: LabelledImages) -> Tensor:
        """Features (M, D) on the processor, from the cache if these images were embedded before.

        Raises `UserError` where the method fails.
        """
        fitted = self._fitted(images)
        try:
            if self._trains:
                # on the train images, before a checkpoint of it is read for others
                self._fitted(self.train).train()
            return Features(fitted).embeddings_MD.cpu()
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
        return FittedBaseline(images, training, self.chosen.device, self._paths, self._report)


@contextlib.contextmanager
def method_features(
    chosen: ChosenMethod, train: LabelledImages, out: Path, notify: OnProgress
) -> Iterator[MethodFeatures]:
    """A method and its features. A training is kept in the folder of results `out`.

    What no training changes leaves nothing there.
    """
    with tempfile.TemporaryDirectory() as folder:
        trains = chosen.baseline_class.learns_from == "images"
        paths = ResultsFolder(out).paths if trains else ResultPaths(Path(folder))
        with torch.no_grad():
            yield MethodFeatures(chosen, train, paths, notify)
