"""All that is known of one name: a method, a rule, a data set, a protocol, an encoder."""

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.registry.described import Described, described
from fewshot_bench.registry.registry import Registry
from tests.helpers.plugin_files import plugin


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry([plugin("by_rule")])


def only(name: str, registry: Registry) -> Described:
    (found,) = described(name, registry)
    return found


def test_a_method_has_its_source_its_rules_and_its_settings(registry: Registry):
    found = only("resnet", registry)
    assert (found.kind, found.facts["classification"]) == ("baseline", "answers by classifier")
    assert found.facts["source"].endswith("(2016)")
    assert found.settings["batch_size"] == 32
    assert found.facts["pairs"] == "answers by cosine"
    assert only("siamese", registry).facts["pairs"] == "answers by pair"
    assert only("by_rule", registry).facts["file"].endswith("by_rule.py")


def test_an_old_name_and_a_family_are_described_too(registry: Registry):
    assert only("simpleshot", registry).facts["old name of"] == "resnet+centred"
    family = described("easyfsl", registry)
    assert {one.kind for one in family} == {"baseline", "rule"}
    assert "easyfsl:PTMAP" in {one.name for one in family}


def test_a_data_set_says_where_to_get_it_and_has_its_protocols(registry: Registry):
    facts = only("neu", registry).facts
    assert "name the folder or zip with --data" in facts["get it"]
    assert "tested on Crazing, Scratches, Pitted_Surface" in facts["protocol neu-heldout"]
    of_protocol = only("neu-heldout", registry)
    assert of_protocol.kind == "protocol"
    assert "Patches" in of_protocol.facts["train classes"]
    assert "runs" in only("neu-classify", registry).facts


def test_encoders_have_their_weights_and_libraries_their_names(registry: Registry):
    assert "IMAGENET1K_V2" in only("resnet50", registry).facts["weights"]
    assert "resnet50" in only("torchvision", registry).facts["networks"]
    assert only("efficientnet_lite0", registry).facts["image size"] == "224 pixels"


def test_an_unknown_name_is_told_with_the_nearest_one(registry: Registry):
    with pytest.raises(UserError, match="'protonett'; did you mean 'protonet'"):
        described("protonett", registry)
