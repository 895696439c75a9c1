"""Writes a line for each training to the file $FITS_LOG: images, classes, digest of the images."""

import os
from pathlib import Path

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        with Path(os.environ["FITS_LOG"]).open("a") as file:
            print(len(train), len(train.class_names), train.digest, file=file)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
