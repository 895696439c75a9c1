"""A family whose classes a function makes, so that no module has them by name."""

from fewshot_bench import Baseline, Card


def _thinned(step):
    def embed(self, images):
        return images.float().flatten(1)[:, ::step] / 255

    card = Card(title=f"Every {step}th pixel", paper="a test")
    return type(f"Thinned{step}", (Family,), {"card": card, "embed": embed})


class Family(Baseline):
    card = Card(title="Some pixels", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        return images.float().flatten(1) / 255


Family.variants = {"seven": _thinned(7)}
