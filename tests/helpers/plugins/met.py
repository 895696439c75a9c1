"""Its first training waits, at most a minute, until another process has begun a training of its own.

Each training writes its seed and its process to the file $MET_LOG.
"""

import os
import time
from pathlib import Path

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        log = Path(os.environ["MET_LOG"])
        with log.open("a") as file:
            print(context.seed, os.getpid(), file=file)
        for _ in range(1200):
            processes = {line.split()[1] for line in log.read_text().splitlines()}
            if len(processes) > 1:
                break
            time.sleep(0.05)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
