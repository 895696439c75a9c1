"""Features of `by_rule`, another file, times a setting."""

from dataclasses import dataclass

from fewshot_bench.plugins.baselines.by_rule import Mine

from fewshot_bench import Card, Settings


@dataclass(frozen=True, kw_only=True)
class ScaledSettings(Settings):
    scale: float = 2.0


class Scaled(Mine):
    card = Card(title="Scaled", paper="a test")
    settings_type = ScaledSettings

    def embed(self, images):
        return self.settings.scale * super().embed(images)
