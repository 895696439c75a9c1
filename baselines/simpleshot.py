"""SimpleShot: the old name of `resnet` with the rule `centred`."""

from __future__ import annotations

from fewshot_bench.plugins.rules.centred import Centred

from fewshot_bench import Baseline


class SimpleShot(Baseline):
    """Nearest centroid on centred features of unit length of a plain classifier."""

    card = Centred.card
    stands_for = ("resnet", "centred")
