"""What a rule makes of the features once for all episodes."""

import numpy as np
import torch

from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.registry.registry import Registry


def made(name: str, features: torch.Tensor) -> RuleFeatures:
    plugin = Registry().rule(name)
    choice = RuleChoice(plugin, name, False, plugin.load().settings_type())
    return RuleFeatures(choice, features, None, torch.zeros(0))


def test_a_zero_feature_is_an_answer_and_no_nan():
    features = torch.rand(30, 8)
    features[3] = 0
    assert np.isfinite(made("mean_cosine", features).products_MM).all()


def test_far_from_the_origin_distances_keep_their_precision():
    features = torch.rand(30, 8)
    near = made("prototype", features).products_MM
    far = made("prototype", features + 1000).products_MM
    assert np.allclose(near, far, atol=0.001)


def test_images_keep_their_places():
    features = torch.rand(30, 8)
    transformed = made("mean_cosine", features).transformed_MD
    assert torch.allclose(transformed, features / features.norm(dim=1, keepdim=True))


def test_a_single_train_image_stands_for_its_class():
    plugin = Registry().rule("mean_cosine")
    choice = RuleChoice(plugin, "mean_cosine", False, plugin.load().settings_type())
    features = torch.rand(30, 8)
    found = RuleFeatures(choice, features, torch.rand(1, 8), torch.tensor([4]), known=[4])
    assert found.transformed_MD.shape == (31, 8)
