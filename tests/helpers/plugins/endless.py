"""Its training does not end. It writes its process to the file $ENDLESS_LOG."""

import os
import subprocess
import time
from pathlib import Path

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        child = subprocess.Popen(["sleep", "600"])
        with Path(os.environ["ENDLESS_LOG"]).open("a") as file:
            print(os.getpid(), child.pid, file=file)
        while True:
            time.sleep(0.05)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
