"""SCL: the self-contrastive loss of the proposed method alone."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench.plugins.baselines.scl_amp import PAPER, SclAmp, SclAmpSettings

from fewshot_bench import Card


@dataclass(frozen=True, kw_only=True)
class SclSettings(SclAmpSettings):
    """The settings of `scl_amp`; beta is 0."""

    alpha: float = 1.0
    beta: float = 0.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need(self.beta == 0, "beta", "0; scl_amp has both losses")


class Scl(SclAmp):
    """SCL+AMP without the angular margin: views of an image attract each other, without labels."""

    card = Card(title="SCL alone", paper=PAPER, year=2024)
    settings_type = SclSettings
