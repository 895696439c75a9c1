"""What a plan takes from presets, and what methods choose themselves."""

import dataclasses

from fewshot_bench import api
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry.registry import Registry
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK


def test_what_a_method_chooses_itself_no_preset_changes():
    path = plugin("own_network")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network", "untrained"]), Registry([path])
    )
    own, other = (training.settings for training in plan.trainings)
    assert (own.encoder, own.image_size, other.encoder) == ("mobilenet_v3_small", 64, "resnet18")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network"], encoder="resnet18"), Registry([path])
    )
    assert [training.settings.encoder for training in plan.trainings] == ["resnet18"]
    assert set(api.check([str(path)])["status"]) == {"ok"}
