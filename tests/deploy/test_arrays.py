"""A fitted rule as a few arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fewshot_bench.deploy.arrays import rule_arrays
from fewshot_bench.deploy.calibration import Calibration
from fewshot_bench.deploy.classifier import Answerer
from fewshot_bench.deploy.held_out import classes_of
from fewshot_bench.errors import UserError
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.registry.registry import Registry

KNOWN = 2  # classes


def _fitted(name, known_images=12, apart=2.0, **settings):
    """(answerer, support, features of references, known ones) of two known classes and a new one."""
    generator = torch.Generator().manual_seed(0)
    labels_M = np.repeat([0, 1, 2], [known_images, known_images, 3])
    centres = apart * torch.randn(3, 10, generator=generator)
    spread = torch.linspace(0.2, 2, 10)
    features_MD = centres[torch.from_numpy(labels_M)]
    noise_MD = torch.randn(len(labels_M), 10, generator=generator)
    features_MD = features_MD + spread * noise_MD + 3
    plugin = Registry().rule(name)
    choice = RuleChoice(plugin, name, False, plugin.load().settings_type(**settings))
    known = labels_M < KNOWN
    known_MD = features_MD[torch.from_numpy(known)]
    answerer = Answerer(choice, lambda: None, features_MD, known_MD, labels_M[known])
    support_NKD = classes_of(answerer.reference_MVD, labels_M, KNOWN)
    return answerer, support_NKD, features_MD, known_MD


def _calibration(sharpness=5.0):
    return Calibration(sharpness, np.zeros(3), np.ones(3), -9.0)


@pytest.mark.parametrize(
    "name", ["mean_cosine", "unit_mean", "prototype", "centred", "whitened", "ridge"]
)
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_arrays_give_the_scores_of_the_rule(name, power):
    answerer, support_NKD, features_MD, known_MD = _fitted(name, power=power)
    others_MD = features_MD.flip(0) + 0.3

    arrays = rule_arrays(answerer, support_NKD, features_MD, known_MD, _calibration())

    expected = answerer.scores(support_NKD, answerer.transform(others_MD))
    scores = arrays.scores(others_MD.double().numpy())
    # prototypes' scores are told but for what is the same for all classes
    differences = (scores - expected) - (scores - expected).mean(1, keepdims=True)
    assert np.abs(differences).max() < 1e-3 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(
    "name", ["mean_cosine", "unit_mean", "prototype", "centred", "whitened", "ridge"]
)
def test_scores_are_told_from_others_with_the_same_probabilities(name):
    """Of many references that are easily told, all probabilities are near 0 or 1."""
    answerer, support_NKD, features_MD, known_MD = _fitted(name, known_images=1000, apart=20.0)
    calibration = _calibration(sharpness=1e4)
    arrays = rule_arrays(answerer, support_NKD, features_MD, known_MD, calibration)
    others_MD = torch.randn(50, 10, generator=torch.Generator().manual_seed(1))
    expected = answerer.scores(support_NKD, answerer.transform(others_MD))
    scores = arrays.scores(others_MD.double().numpy())
    assert np.abs(scores - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["nearest", "tip"])
def test_a_rule_that_is_not_linear_is_refused_in_one_line(name):
    with pytest.raises(UserError, match=f"rule {name} cannot be written as a few arrays"):
        rule_arrays(*_fitted(name), _calibration())
