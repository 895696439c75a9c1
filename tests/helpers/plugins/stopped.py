"""Is stopped by Ctrl-C while it embeds."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        raise KeyboardInterrupt
