"""What protocols say about themselves, so that nobody asks for their class."""

import json

import pytest
from fewshot_bench.plugins.episodes.mixedwm38 import MixedWM38
from fewshot_bench.plugins.episodes.neu import Neu

from fewshot_bench import Classification, FewShot
from fewshot_bench.protocols.stored import protocol_of

FEW_SHOTS = FewShot(name="few", dataset="d", episodes=100)
SIZES = Classification(name="sizes", dataset="d", train_sizes=(5, 0.8), runs=2)


def test_a_condition_is_a_shot_value_or_a_train_size_with_its_runs():
    assert not FEW_SHOTS.is_classification
    assert FEW_SHOTS.conditions == [(1, None), (3, None), (5, None)]
    assert SIZES.is_classification
    assert SIZES.conditions == [(5, 0), (5, 1), (0.8, 0), (0.8, 1)]


@pytest.mark.parametrize(("queries", "text"), [(15, 15), (None, "all")])
def test_queries_of_a_few_shot_protocol(queries: int | None, text: object):
    assert FewShot(name="few", dataset="d", queries=queries).queries_text == text


@pytest.mark.parametrize(
    ("images", "text"), [(None, "all"), (180, "180"), (180.0, "180"), (0.2, "0.2")]
)
def test_queries_of_a_classification_protocol_are_its_test_images(images: float | None, text: str):
    protocol = Classification(name="c", dataset="d", train_sizes=(5,), test_images=images)
    assert protocol.queries_text == text


def test_a_limit_shortens_episodes_but_never_runs():
    assert FEW_SHOTS.at_most(None) is FEW_SHOTS
    assert FEW_SHOTS.at_most(100) is FEW_SHOTS
    assert FEW_SHOTS.at_most(7).episodes == 7
    assert SIZES.at_most(0) is SIZES


def test_a_protocol_reads_back_what_it_wrote():
    for protocol in (*Neu.protocols, *MixedWM38.protocols):
        assert protocol_of(json.loads(json.dumps(protocol.as_dict()))) == protocol
    with pytest.raises(ValueError, match="kind"):
        protocol_of({**Neu.protocols[0].as_dict(), "kind": "other"})
