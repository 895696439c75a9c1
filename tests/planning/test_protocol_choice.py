"""Which protocol a request comes to where a data set has no few-shot one."""

import numpy as np
import pytest

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.errors import UserError
from fewshot_bench.planning.protocol_choice import chosen_episode_sets
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.request import Request

SMALL = Classification(name="two-small", dataset="two", train_sizes=(2, 3), runs=2)
SHARE = Classification(name="two-share", dataset="two", train_sizes=(0.5,), runs=2)


@pytest.fixture
def two() -> LabelledImages:
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1).repeat(64, axis=2)
    labels = [0] * 10 + [1] * 10
    return group_by_class("two", images, labels, ["bad", "good"], [str(i) for i in range(20)])


def test_the_first_of_all_is_the_default(two: LabelledImages):
    sets = chosen_episode_sets(Request(), two, (SMALL, SHARE))
    assert {episode_set.protocol.name for episode_set in sets} == {"two-small"}


def test_a_few_shot_option_still_asks_for_classes(two: LabelledImages):
    with pytest.raises(UserError, match="two has no default split"):
        chosen_episode_sets(Request(shots=(1,)), two, (SMALL, SHARE))
