"""Writes its name to the file $EXECUTIONS_LOG each time that it is executed."""

import os
from pathlib import Path

from fewshot_bench import Baseline, Card

with Path(os.environ["EXECUTIONS_LOG"]).open("a") as log:
    print(__name__, file=log)


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
