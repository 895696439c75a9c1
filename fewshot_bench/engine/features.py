"""What one training makes of the images: features, pair scores, classes.

Each is made when it is first needed, and kept on disk where that pays.
Shapes: M images, D features, V views of an image, N ways, K shots.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import PAIR_TILE, checked_call, pair_scores
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.data.cache_files import cache_folder, hold, storing
from fewshot_bench.engine.embedding import VIEWS, Answers, answer_each, embed_views
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.rule_features import RuleFeatures, class_means
from fewshot_bench.errors import Diverged, NotApplicable, UserError
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.records.answered import NO_CLASS
from fewshot_bench.records.tensors import load_tensors, save_tensors
from fewshot_bench.seeds import derive, digest, global_seed

__all__ = ["Features"]

Indices = npt.NDArray[np.integer[Any]]
Names = tuple[str, ...]  # of known classes
VIEW_VALUES = 2**26  # of single views, in memory at once: 256 MiB of float32


class Features:
    """The features of a training.

    seconds: of embedding, as it was measured when they were made; view_seconds: of single views.
    """

    def __init__(self, fitted: FittedBaseline) -> None:
        self.fitted = fitted
        self.seconds: float | None = None
        self.view_seconds = 0.0
        self._of_rule: RuleFeatures | None = None
        self._known_of_rule: Names = ()
        training = fitted.training
        split = training.split
        # what no training changes is embedded for all images at once, for all splits and runs
        self._embeds_all = training.has_fixed_features or self._learns_from_seed
        self._is_kept = self._embeds_all or split.run is None
        self._all_path = self._path(fitted.data.digest)
        self._embedded_path = self._path(split.embedded_digest)
        self._train_path = self._path(split.train_digest)
        self._pairs_path = fitted.paths.pairs(training.features_key, split.embedded_digest[:8])

    @property
    def _learns_from_seed(self) -> bool:
        return self.fitted.training.baseline_class.learns_from == "seed"

    def _path(self, images: str) -> Path:
        """Where features of the images with this digest are kept.

        Those that depend on no training and no seed are for all folders of results.
        """
        training = self.fitted.training
        place = self.fitted.paths.embeddings(training.features_key, images[:16])
        if self._are_cached:
            return cache_folder() / "features" / place.name
        return place

    def forget(self) -> None:
        """Remove what is on disk of them."""
        of_images = (self._all_path, self._embedded_path, self._train_path)
        of_views = [self._of_views(path) for path in of_images]
        for path in (*of_images, *of_views, self._pairs_path):
            # a cache may be read-only
            may_stay = (
                contextlib.suppress(OSError) if self._are_cached else contextlib.nullcontext()
            )
            with may_stay:
                path.unlink(missing_ok=True)

    @cached_property
    def embeddings_MD(self) -> Tensor:
        """Features of the embedded images, float32, on the device."""
        return self._features_of(self.fitted.embedded, self._embedded_path)

    @cached_property
    def train_embeddings_MD(self) -> Tensor:
        """Features of the train images, as `embeddings_MD`."""
        return self._features_of(self.fitted.training.split.train, self._train_path)

    @cached_property
    def views_VMD(self) -> Tensor:
        """Features of single views of the embedded images, on the processor, see `embed_views`.

        Raises `NotApplicable` where they are too many.
        """
        return self._views_of(self.fitted.embedded, self._embedded_path)

    @cached_property
    def train_views_VMD(self) -> Tensor:
        """The same of the train images."""
        return self._views_of(self.fitted.training.split.train, self._train_path)

    def references(self, choice: RuleChoice, support_NK: Indices) -> Tensor:
        """Features of references at these positions, (N, K, D); V * K for K by the rule's views."""
        positions = torch.from_numpy(support_NK)
        plain_NKD = self.embeddings_MD[positions.to(self.fitted.device)]
        if choice.reference_views == 1:
            return plain_NKD
        views_VNKD = self.views_VMD[:, positions].to(self.fitted.device)
        if len(views_VNKD) < choice.reference_views:
            views_VNKD = torch.cat([plain_NKD[None], views_VNKD])
        return views_VNKD.transpose(0, 1).flatten(1, 2)

    def turned_MD(self, indices: Indices, turns_M: Indices) -> Tensor:
        """Features of turned images, as `embeddings_MD`, which are not kept. turns_M: 0 to 7."""
        made = answer_each(self.fitted, "embed", indices, turns=turns_M)
        self.seconds = (self.seconds or 0.0) + made.seconds
        return made.answers.to(self.fitted.device)

    def of_rule(self, choice: RuleChoice, known: Names = ()) -> RuleFeatures:
        """What a rule makes of the features. The last rule's is kept, for its next cell.

        known: classes whose train images are references too; their rows come last.
        """
        last = self._of_rule
        if last is None or last.choice is not choice or self._known_of_rule != known:
            learns = choice.plugin is not None and choice.plugin.load().learns()
            train_MD = self.train_embeddings_MD if learns or known else None
            labels_M = self._train_labels_M
            labels = self._labels(known)
            has_views = choice.reference_views > 1
            last = RuleFeatures(
                choice,
                self.embeddings_MD,
                train_MD,
                labels_M,
                labels,
                views_VMD=self.views_VMD if has_views else None,
                train_views_VMD=self.train_views_VMD if has_views and known else None,
            )
            self._of_rule = last
            self._known_of_rule = known
        return last

    @property
    def _train_labels_M(self) -> Tensor:
        labels = self.fitted.data.labels[self.fitted.training.split.train]
        return torch.from_numpy(labels.astype(np.int64))

    def _labels(self, names: Names) -> list[int]:
        return [self.fitted.data.class_names.index(name) for name in names]

    def beside_known_MD(self, known: Names) -> Tensor:
        """`embeddings_MD`, and then the mean over the train images of each known class."""
        if not known:
            return self.embeddings_MD
        labels_M = self._train_labels_M.to(self.fitted.device)
        means_CD = class_means(self.train_embeddings_MD, labels_M, self._labels(known))
        return torch.cat([self.embeddings_MD, means_CD])

    def pairs_beside_known(self, known: Names) -> npt.NDArray[np.float32]:
        """`pairs_MM`, and then rows with the mean score of the train images of each known class."""
        if not known:
            return self.pairs_MM
        seed = derive("pairs", self.fitted.training.seed)
        labels_M = self._train_labels_M
        rows = [self.pairs_MM]
        for label in self._labels(known):
            is_of_class = (labels_M == label).to(self.fitted.device)
            references = self.train_embeddings_MD[is_of_class]
            with global_seed(seed), torch.no_grad():
                scores = pair_scores(self.fitted.baseline, self.embeddings_MD, references)
            rows.append(scores.mean(1)[None].cpu().numpy())
        return np.concatenate(rows)

    def _features_of(self, indices: Indices, path: Path) -> Tensor:
        if self._embeds_all:
            return self._all_MD[torch.from_numpy(indices)].to(self.fitted.device)
        return self._embedded(indices, path).to(self.fitted.device)

    @cached_property
    def _all_MD(self) -> Tensor:
        """Features of every image of the data set; read from the file as they are needed."""
        return self._embedded(np.arange(len(self.fitted.data)), self._all_path)

    def _embedded(self, indices: Indices, path: Path) -> Tensor:
        """Features of these images, kept in the file `path`."""
        made = self._made_once(path, lambda: answer_each(self.fitted, "embed", indices))
        self.seconds = made.seconds
        return made.answers

    def _views_of(self, indices: Indices, path: Path) -> Tensor:
        if self._embeds_all:
            return self._all_views_VMD[:, torch.from_numpy(indices)]
        return self._embedded_views(indices, path)

    @cached_property
    def _all_views_VMD(self) -> Tensor:
        """Of every image of the data set."""
        return self._embedded_views(np.arange(len(self.fitted.data)), self._all_path)

    def _embedded_views(self, indices: Indices, path: Path) -> Tensor:
        images = len(indices)
        width = self.embeddings_MD.shape[1]
        values = VIEWS * images * width
        if values > VIEW_VALUES:
            raise NotApplicable(
                f"{VIEWS} views of {images} images with {width} features each are {values} numbers "
                f"(allowed: {VIEW_VALUES}); leave reference_views out"
            )
        made = self._made_once(self._of_views(path), lambda: embed_views(self.fitted, indices))
        self.view_seconds += made.seconds
        return made.answers

    @staticmethod
    def _of_views(path: Path) -> Path:
        """The file of single views of the images whose features are in `path`."""
        key, _, images = path.stem.partition("-")
        return path.with_stem(f"{digest('views', key)[: len(key)]}-{images}")

    def _made_once(self, path: Path, make: Callable[[], Answers]) -> Answers:
        """What `make` makes, kept in the file `path`.

        Those of a run that trained are not kept: a run has one episode, and there may be many runs.
        """
        stored = self._stored(path) if self._is_kept else None
        if stored is not None:
            tensors, about = stored
            self._hold(path)
            return Answers(tensors["embeddings"], about["seconds"])
        made = make()
        if self._is_kept:
            keeping = storing() if self._are_cached else contextlib.nullcontext()
            with keeping:
                save_tensors(path, {"embeddings": made.answers}, {"seconds": made.seconds})
                self._hold(path)
        return made

    @property
    def _are_cached(self) -> bool:
        """Whether they are for all folders of results."""
        return self.fitted.training.has_fixed_features

    def _hold(self, path: Path) -> None:
        if self._are_cached:
            hold(path, self)

    def _stored(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Features and their description from a file; a damaged file of the cache is made anew."""
        try:
            return load_tensors(path)
        except UserError:
            if self._are_cached:
                return None
            raise

    @cached_property
    def classes_M(self) -> npt.NDArray[np.uint8]:
        """The train class that a closed-set head gives each embedded image, or `NO_CLASS`."""
        training = self.fitted.training
        classes = len(training.split.train_classes)
        width = classes + training.baseline_class.answers_none
        made = answer_each(self.fitted, "logits", self.fitted.embedded, width=width)
        self.seconds = made.seconds
        column_M = made.answers.argmax(1).cpu().numpy()
        return np.where(column_M < classes, column_M, NO_CLASS).astype(np.uint8)

    def composed_MC(self, names: Names) -> npt.NDArray[np.float32]:
        """Scores of the classes of these names for each embedded image, from their defects."""
        defects_CP = torch.from_numpy(self.fitted.data.defects_CP[self._labels(names)])
        made = answer_each(
            self.fitted,
            "compose",
            self.fitted.embedded,
            beside=(defects_CP.to(self.fitted.device),),
            width=len(names),
        )
        self.seconds = made.seconds
        return made.answers.cpu().numpy()

    @cached_property
    def pairs_MM(self) -> npt.NDArray[np.float32]:
        """A pair head's score of every reference (row) and query (column).

        They are kept on disk, as the head takes long to build.
        """
        stored = load_tensors(self._pairs_path)
        if stored is not None:
            tensors, _ = stored
            return tensors["pairs"].numpy()
        pairs = self._pair_scores()
        save_tensors(self._pairs_path, {"pairs": pairs}, {})
        return pairs.numpy()

    def _pair_scores(self) -> Tensor:
        """A pair head's score of every reference (row) and query (column), on the processor."""
        baseline = self.fitted.baseline
        training = self.fitted.training
        embeddings = self.embeddings_MD
        generator = torch.Generator().manual_seed(derive("pairs", training.key))
        order = torch.randperm(len(embeddings), generator=generator)
        shuffled = embeddings[order.to(embeddings.device)]
        first = shuffled[:PAIR_TILE]
        seed = derive("pairs", training.seed)
        with global_seed(seed), torch.no_grad(), assert_untouched(baseline, shuffled):
            scores = pair_scores(baseline, shuffled, shuffled)
            together = scores[:PAIR_TILE, :PAIR_TILE]

            def of_rows(rows: Tensor) -> Tensor:
                return checked_call(baseline, "pair", rows, first).float()

            assert_inductive(baseline, of_rows, first, together)
        back = order.argsort()
        scores = scores.cpu()[back][:, back]
        if not torch.isfinite(scores).all():
            raise Diverged("a score of two test images is not finite; lower the learning rate")
        return scores.T.contiguous()
