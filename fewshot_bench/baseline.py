"""The base class of the methods in `baselines/`.

Shapes: B images of C channels and H x W pixels, D features, N ways, K shots, Q queries, P kinds of
defect, T episodes of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fewshot_bench.card import Card
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.settings import Settings

__all__ = ["Baseline", "Card", "Context", "EmbeddingSettings", "LearnsFrom", "Sees"]

LearnsFrom = Literal["images", "seed", "nothing"]
# what a training may see beside the images and their classes
Sees = frozenset[Literal["defects", "masks", "unlabelled"]]


@dataclass(frozen=True, kw_only=True)
class EmbeddingSettings(Settings):
    """views: features of a test image are the mean over so many of its dihedral views.

    1 is the image itself, 8 are its rotations by 90 degrees and their mirror images: a defect has
    no up. References and queries are treated alike, each by itself.
    """

    views: Literal[1, 8] = 1


def _keep_nothing(snapshot: Callable[[], Mapping[str, Tensor]]) -> None:
    """Ignore the snapshot: the training cannot be resumed."""
    del snapshot


@dataclass(frozen=True)
class Context:
    """What `fit` gets beside the images: device, seed, and the functions to call during training.

    progress(images_passed, loss): reports how far training is. It records the loss and raises
    `Diverged` if the loss is not finite.
    keep(snapshot): call it between training steps. `snapshot` is a function that returns all that
    is needed to resume training, as tensors. It is called from time to time, and its tensors are
    stored.
    resumed: the last stored snapshot of an interrupted training, or None. A `fit` that ignores
    `keep` and `resumed` starts from the beginning.
    unlabelled: further train images (U, C, H, W), uint8, on the processor, in random order, or
    None. Only a baseline whose `sees` names them gets any. They are never test images.
    """

    device: torch.device
    seed: int
    progress: Callable[[int, float], None]
    keep: Callable[[Callable[[], Mapping[str, Tensor]]], None] = _keep_nothing
    resumed: Mapping[str, Tensor] | None = None
    unlabelled: Tensor | None = None


class Baseline:
    """A method. A file in `baselines/` defines one public subclass; its stem is the method's name.

    Images are uint8 tensors (B, C, H, W) on the device of the context, C = 1 or 3. A baseline
    answers episodes by the first of these rules that it implements:

    - `embed` and a `rule`: the name of a decision rule, such as `mean_cosine` or `prototype`;
    - `embed` and `pair`: the class whose support has the highest mean score with the query;
    - `embed` and `classify`: the highest score, computed from the features of the support. With
      `classify_block` in its place, blocks of episodes are answered at once, which is faster;
    - `predict`: the highest score, computed from the images of the support.

    One with `embed` can be asked for any other rule on its features too (`--rules`).

    A baseline with `logits`, a closed-set head over the train classes, answers classification
    protocols by that head. One with `compose` answers episodes without references (0 shots), whose
    classes are made of defects that it knows.

    The caller switches gradients off, except for heat maps, which need the gradient through the
    queries. So do not switch them off here.
    Each method may raise `NotApplicable`, for instance for more ways than a head has. The result is
    then recorded as not applicable, with the reason.
    """

    card: ClassVar[Card]
    rule: ClassVar[str | None] = None
    settings_type: ClassVar[type[Settings]] = EmbeddingSettings
    # what `fit` learns from: the train images, the seed alone (random weights), or nothing; where
    # it is not the images, one training and one embedding serve all splits
    learns_from: ClassVar[LearnsFrom] = "images"
    # what `fit` looks at beside the images and their classes, as far as the data set has it
    sees: ClassVar[Sees] = frozenset()
    # of `pair`: two images are taken for one class where their score is above it
    same_above: ClassVar[float | None] = None
    # images that pass through the encoder in training for each image of a batch
    views: ClassVar[int] = 1
    # a slow method answers only the first so many episodes
    max_episodes: ClassVar[int | None] = None
    # a module that may be missing, and the extra of fewshot-bench that installs it
    needs: ClassVar[tuple[str, str] | None] = None
    # (baseline, rule): this name is an old one, and a run takes these instead
    stands_for: ClassVar[tuple[str, str] | None] = None
    # whether `logits` has one more column, the last: none of the train classes
    answers_none: ClassVar[bool] = False
    # variants are named NAME:VARIANT; a baseline with variants cannot be named alone
    variants: ClassVar[Mapping[str, type[Baseline]]] = {}

    def __init_subclass__(cls) -> None:
        # a new `fit` may look at the images, whatever the one that it replaces did
        for parent in cls.__mro__:
            if "learns_from" in vars(parent):
                return
            if "fit" in vars(parent):
                cls.learns_from = "images"
                return

    @classmethod
    def shared_features(cls, settings: Settings) -> Mapping[str, object] | None:
        """What the features of an image depend on beside its pixels, if no training changes them.

        Baselines that return the same share their features. None: they are its own.
        """
        del settings
        return None

    def __init__(self, settings: Settings | None = None) -> None:
        if settings is None:
            settings = self.settings_type()
        self.settings = settings

    @property
    def network(self) -> nn.Module | None:
        """The encoder, for heat maps and the number of parameters, or None."""
        return None

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Learn from the images of the train classes. By default, learn nothing."""

    def state(self) -> Mapping[str, Tensor]:
        """All that `fit` learned, as tensors."""
        return {}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Restore what `state` returned."""

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D), float32."""
        raise NotImplementedError

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """Similarity scores (A, B) of each a with each b."""
        raise NotImplementedError

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from the features of one episode. By default, as a block of one."""
        return self.classify_block(support_NKD[None], query_QD[None])[0]

    def classify_block(self, support_TNKD: Tensor, query_TQD: Tensor) -> Tensor:
        """Scores (T, Q, N) from the features of a block of episodes, each as if it were alone.

        An episode with fewer queries than others ends in zeros, whose scores mean nothing. A
        transductive baseline is asked one episode after another, by `classify`.
        """
        raise NotImplementedError

    def predict(self, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N) from the images of one episode."""
        raise NotImplementedError

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """Scores (B, C_train) over the train classes; one column more if it `answers_none`."""
        raise NotImplementedError

    def compose(self, images_BCHW: Tensor, defects_NP: Tensor) -> Tensor:
        """Scores (B, N) of classes from what they are made of: bool, (N, P kinds of defect).

        The kinds are those of the train images, which it asks for with `sees`.
        """
        raise NotImplementedError
