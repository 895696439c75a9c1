"""An encoder whose published weights have to be downloaded."""

from dataclasses import dataclass

from fewshot_bench import Card
from fewshot_bench.learn import EncoderBaseline, EncoderSettings


@dataclass(frozen=True, kw_only=True)
class PublishedSettings(EncoderSettings):
    encoder: str = "resnet18"
    weights: str = "DEFAULT"
    image_size: int = 32


class Downloaded(EncoderBaseline):
    card = Card(title="Downloaded", paper="a test")
    rule = "mean_cosine"
    settings_type = PublishedSettings
    learns_from = "nothing"
