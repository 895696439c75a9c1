"""What authors of methods build from: encoders, views, losses and one training loop."""

from fewshot_bench.learn.adaptive import AdaptiveBaseline, AdaptiveSettings, normalise_by_support
from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.batches import Batch, balanced_batches, shuffled_batches
from fewshot_bench.learn.encoder import Encoder, EncoderSettings, resize
from fewshot_bench.learn.episodic import EpisodicBaseline, EpisodicSettings
from fewshot_bench.learn.losses import (
    ArcMargin,
    BeyondPi,
    combined_loss,
    cosines,
    self_contrastive,
    sigmoid_focal,
    supervised_contrastive,
)
from fewshot_bench.learn.train import EncoderBaseline, TrainedBaseline
from fewshot_bench.learn.training_settings import OwnNetworkSettings, TrainingSettings
from fewshot_bench.learn.wafer import (
    KerasBatchNorm,
    area_resize,
    die_numbers,
    measure_moments,
)

__all__ = [
    "AdaptiveBaseline",
    "AdaptiveSettings",
    "ArcMargin",
    "Augment",
    "Batch",
    "BeyondPi",
    "Encoder",
    "EncoderBaseline",
    "EncoderSettings",
    "EpisodicBaseline",
    "EpisodicSettings",
    "KerasBatchNorm",
    "OwnNetworkSettings",
    "TrainedBaseline",
    "TrainingSettings",
    "area_resize",
    "balanced_batches",
    "combined_loss",
    "cosines",
    "die_numbers",
    "measure_moments",
    "normalise_by_support",
    "resize",
    "self_contrastive",
    "shuffled_batches",
    "sigmoid_focal",
    "supervised_contrastive",
]
