"""Protocols read back what they wrote."""

import json

import pytest
from fewshot_bench.plugins.episodes.mixedwm38 import MixedWM38
from fewshot_bench.plugins.episodes.neu import Neu

from fewshot_bench.protocols.protocol import Protocol


def test_a_protocol_reads_back_what_it_wrote():
    for protocol in (*Neu.protocols, *MixedWM38.protocols):
        assert Protocol.from_dict(json.loads(json.dumps(protocol.as_dict()))) == protocol
    with pytest.raises(ValueError, match="kind"):
        Protocol.from_dict({**Neu.protocols[0].as_dict(), "kind": "other"})
