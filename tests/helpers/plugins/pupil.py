"""Answers by another rule, from the training of `counted`."""

from fewshot_bench.plugins.baselines.counted import Mine as Taught

from fewshot_bench import Card


class Pupil(Taught):
    card = Card(title="Pupil", paper="a test")
    taught_by = "counted"
    rule = "prototype"
