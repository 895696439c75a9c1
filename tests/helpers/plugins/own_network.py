"""Chooses an encoder of its own."""

from dataclasses import dataclass

from fewshot_bench import Card
from fewshot_bench.learn.encoder import EncoderSettings
from fewshot_bench.learn.train import EncoderBaseline


@dataclass(frozen=True, kw_only=True)
class OwnSettings(EncoderSettings):
    encoder: str = "mobilenet_v3_small"


class OwnNetwork(EncoderBaseline):
    card = Card(title="Own", paper="a test")
    rule = "mean_cosine"
    settings_type = OwnSettings
