"""A data set whose code has a mistake."""

from fewshot_bench import DataCard, DataSet


class Cracked(DataSet):
    card = DataCard(title="Cracked", source="a test", year=2026, needs_path=False)

    def load(self, path):
        return [1, 2][path]
