"""Simulated steel surfaces depend on their seed alone."""

from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

from fewshot_bench.errors import UserError


def test_steel_sim_is_drawn_from_its_seed():
    small = SteelSimSettings(per_class=4, side=32)
    first, other = (
        SteelSim(small).load(None),
        SteelSim(SteelSimSettings(per_class=4, side=32, seed=1)).load(None),
    )
    assert first.images.shape == (24, 1, 32, 32)
    assert SteelSim(small)._generate().digest == first.digest
    assert first.digest != other.digest
    more = SteelSim(SteelSimSettings(per_class=6, side=32)).load(None)
    assert np.array_equal(
        more.images[:4], first.images[:4]
    )  # image i of a class is the same however many there are
    with pytest.raises(UserError, match="reads no data"):
        SteelSim(small).load(Path())
