"""Its training does nothing."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        pass

    def embed(self, images):
        return images.float().flatten(1)[:, ::97] / 255
