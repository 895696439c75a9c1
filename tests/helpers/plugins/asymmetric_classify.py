"""As `asymmetric_pair`, by scores from features."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        return -(query[:, None, None] - support).clamp(min=0).sum(3).mean(2)
