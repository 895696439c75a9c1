"""Untrained: the encoder with random weights, a floor that training must beat."""

from __future__ import annotations

from fewshot_bench import Card
from fewshot_bench.learn import EncoderBaseline


class Untrained(EncoderBaseline):
    """Features of an encoder that has seen no image of the data set."""

    card = Card(standard=True, title="Untrained encoder", paper="a floor: no training")
    rule = "mean_cosine"
