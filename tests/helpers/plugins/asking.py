"""A method that asks at the terminal, and leaves a process in a session of its own that lives on."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from fewshot_bench import Baseline, Card


class Asking(Baseline):
    """Grey levels."""

    card = Card(title="Grey levels", paper="an example", year=2026)
    rule = "mean_cosine"

    def fit(self, train_images, *, context):
        """Read to the end of standard input."""
        assert not sys.stdin.read()
        with Path(os.environ["ASKING_LOG"]).open("a", encoding="utf-8") as log:
            left = subprocess.Popen(["sleep", "600"], start_new_session=True)
            log.write(f"{left.pid}\n")

    def embed(self, images):
        """The mean of each channel."""
        return torch.cat([images.float().mean((2, 3)), images.float().std((2, 3))], 1)
