"""Gets its fit from a class that is no baseline."""

from fewshot_bench import Card
from fewshot_bench.learn import EncoderBaseline


class _Mixin:
    def fit(self, train, *, context):
        super().fit(train, context=context)


class Mixed(_Mixin, EncoderBaseline):
    card = Card(title="Mixed", paper="a test")
    rule = "mean_cosine"
