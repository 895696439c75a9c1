"""Prototypical networks: episodes that do not fit."""

import pytest

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from tests.helpers.training import fitted


def test_protonet_refuses_episodes_larger_than_a_class(blobs: LabelledImages):
    with pytest.raises(UserError, match=r"26 is more than the 20 images"):
        fitted("protonet", blobs, train_shots=21)
