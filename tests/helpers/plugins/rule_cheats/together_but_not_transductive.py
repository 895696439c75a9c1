"""A rule that compares queries with each other, and says that it does not."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        return unit(features)

    def score_together(self, together):
        scores = together.mean_BNQ.transpose(0, 1)
        return scores - 0.9 * scores.mean(2, keepdim=True)
