"""What a rule makes of the features once for all episodes."""

import numpy as np
import pytest
import torch

from fewshot_bench.engine import rule_features
from fewshot_bench.engine.blocks import BlockAnswers
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.errors import NotApplicable
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.registry.registry import Registry
from tests.helpers.rule_checks import FEATURES_MD, POOL, TRAIN_LABELS_M, TRAIN_MD, fitted

EPISODES = 10
IMAGES = torch.from_numpy(FEATURES_MD)
GENERATOR = torch.Generator().manual_seed(0)
# features of 8 views of each image, none of which is the vector that stands for it as a query
NOISE_VMD = 0.3 * torch.randn(8, *IMAGES.shape, generator=GENERATOR)
VIEWS_VMD = (IMAGES + NOISE_VMD).abs()


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


def with_views(name: str, views_VMD: torch.Tensor = VIEWS_VMD, **further: object) -> RuleFeatures:
    plugin = Registry().rule(name)
    settings = plugin.load().settings_type(reference_views=8)
    choice = RuleChoice(plugin, name, False, settings)
    return RuleFeatures(
        choice,
        IMAGES,
        TRAIN_MD,
        TRAIN_LABELS_M,
        views_VMD=views_VMD,
        **further,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("vectors", [100, 100_000])
@pytest.mark.parametrize(
    "name", ["unit_mean", "nearest", "ridge", "logistic", "prototype", "whitened", "bd_cspn", "tim"]
)
def test_views_of_references_are_references(name: str, vectors: int):
    drawn = DrawnEpisodes(POOL, 3, 2, 5, "x").draw(0, EPISODES)
    query_TQ = drawn.query_TNQ.reshape(EPISODES, -1)
    made = with_views(name)
    support_TNK = made.references(drawn.support_TNK)
    ways_TQ = BlockAnswers(made, 1).answers(support_TNK, query_TQ, vectors).ways_TQ
    rule = fitted(name)
    for episode in range(EPISODES):
        support_VNKD = VIEWS_VMD[:, torch.from_numpy(drawn.support_TNK[episode])]
        support_NSD = support_VNKD.permute(1, 0, 2, 3).flatten(1, 2)
        scores_QN = rule.answer(support_NSD, IMAGES[torch.from_numpy(query_TQ[episode])])
        assert np.array_equal(ways_TQ[episode], scores_QN.argmax(1).numpy())


def test_an_image_is_one_of_its_views_where_seven_others_are_given():
    seven = with_views("prototype", VIEWS_VMD[1:])
    eight = with_views("prototype", torch.cat([IMAGES[None], VIEWS_VMD[1:]]))
    assert torch.equal(seven.reference_MVD, eight.reference_MVD)
    rows_TNK = seven.references(np.array([[[4]]], dtype=np.int32))
    assert torch.equal(seven.transformed_MD[rows_TNK[0, 0]], seven.reference_MVD[4])


def test_a_known_class_is_the_mean_over_all_views_of_its_train_images():
    of_train_VMD = torch.stack([TRAIN_MD + view for view in range(1, 8)])
    made = with_views("prototype", VIEWS_VMD[1:], known=[1], train_views_VMD=of_train_VMD)
    of_class_MD = TRAIN_MD[TRAIN_LABELS_M == 1]
    expected_D = of_class_MD.mean(0) + 3.5  # the mean of 0 to 7
    assert torch.allclose(made.transformed_MD[made.first_mean], expected_D, atol=1e-5)
    assert made.first_mean == 8 * len(IMAGES)


def test_what_a_rule_learns_it_learns_from_the_images_themselves():
    rule = with_views("whitened").rule
    assert torch.equal(rule.factor_DD, fitted("whitened").factor_DD)  # type: ignore[attr-defined]


def test_an_episode_of_too_many_views_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rule_features, "LARGEST_MATRIX", 47)
    made = with_views("prototype")
    support_TNK = np.zeros((1, 3, 2), dtype=np.int32)
    with pytest.raises(NotApplicable, match=r"8 views of 6 references .*\(allowed: 47\)"):
        made.references(support_TNK)


def test_views_that_are_missing_are_no_single_view():
    with pytest.raises(ValueError, match="needs single views"):
        with_views("prototype", None)  # type: ignore[arg-type]
