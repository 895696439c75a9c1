"""What a method is to this benchmark: the base class of the files in `baselines/`.

Shapes: B images of C channels and H x W pixels, D features, N ways, K shots, Q queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.published import Published
from fewshot_bench.settings import Settings

__all__ = ["Baseline", "Card", "Context", "EmbeddingRule"]

EmbeddingRule = Literal["mean_cosine", "prototype"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a method is and where it was published.

    standard: it runs where no baseline is named; transductive: its answer to a query may depend on the other queries;
    label_equivariant: permuting the ways permutes its answers; published: figures of papers, shown beside ours and never
    ranked with them.
    """

    title: str
    paper: str
    year: int | None = None
    standard: bool = False
    transductive: bool = False
    label_equivariant: bool = True
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Context:
    """What one `fit` is given beside the images: where to compute, its seed, and whom to tell.

    progress(images_passed, loss): tells how far training is; it records the loss and raises `Diverged` when that is
    not finite. keep(snapshot): to be called between steps with a function that gives all that training needs to go on,
    as tensors; it is called, and what it gives is kept, now and then. resumed: what was kept last of a training that was
    interrupted, or None. A `fit` that takes no part in this begins anew.
    """

    device: torch.device
    seed: int
    progress: Callable[[int, float], None]
    keep: Callable[[Callable[[], Mapping[str, Tensor]]], None] = lambda snapshot: None
    resumed: Mapping[str, Tensor] | None = None


class Baseline:
    """A method: one public subclass a file in `baselines/`, named by the file's stem.

    Images come as uint8 tensors (B, C, H, W) on the context's device, C = 1 or 3. It answers episodes with the first
    of these that it has:

    - `embed` and a `rule`: the class whose references have the highest mean cosine similarity (`mean_cosine`), or the
      nearest mean (`prototype`);
    - `embed` and `pair`: the class whose references have the highest mean score with the query;
    - `embed` and `classify`: the highest score from the features of the support;
    - `predict`: the highest score from the images of the support.

    They are called without gradients, but for heat maps: leave that to the caller, who may want one through the queries.
    Each may raise `NotApplicable`, for instance for more ways than a head has: the cell is then reported as such.

    `logits` is a closed-set head over the train classes: where it is there it decides in classification protocols.
    """

    card: ClassVar[Card]
    rule: ClassVar[EmbeddingRule | None] = None
    settings_type: ClassVar[type[Settings]] = Settings
    views: ClassVar[int] = (
        1  # images passed through the encoder in training for each image of a batch
    )
    max_episodes: ClassVar[int | None] = None  # a slow method answers only the first so many
    needs: ClassVar[tuple[str, str] | None] = (
        None  # a module that may be missing, and the extra that brings it
    )
    taught_by: ClassVar[str | None] = (
        None  # the baseline whose training it takes over: its class must be a base class
    )
    variants: ClassVar[
        Mapping[str, type[Baseline]]
    ] = {}  # named NAME:VARIANT; one with variants cannot be named alone

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings if settings is not None else self.settings_type()

    @property
    def network(self) -> nn.Module | None:
        """The encoder, where there is one, for heat maps and for counting parameters."""
        return None

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Learn from the images of the train classes. A method that learns nothing only keeps what it needs."""

    def state(self) -> Mapping[str, Tensor]:
        """All that `fit` learned, as tensors."""
        return {}

    def load(self, state: Mapping[str, Tensor], *, context: Context) -> None:
        """Take back what `state` gave."""

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Features (B, D), float32."""
        raise NotImplementedError

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """Scores (A, B): how alike each a and each b are."""
        raise NotImplementedError

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from the features of one episode."""
        raise NotImplementedError

    def predict(self, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N) from the images of one episode."""
        raise NotImplementedError

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """Scores (B, C_train) over the train classes."""
        raise NotImplementedError
