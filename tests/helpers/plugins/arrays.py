"""Its features are arrays, not tensors."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "prototype"

    def embed(self, images):
        return (images.float().flatten(1)[:, ::7] / 255).numpy()
