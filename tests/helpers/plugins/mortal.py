"""Its training kills its own process: always, or until the file $MORTAL is there."""

import os
import signal
from pathlib import Path

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        print("before the end")
        marker = Path(os.environ.get("MORTAL", "nowhere"))
        if marker.is_file():
            return
        if marker.is_absolute():
            marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
