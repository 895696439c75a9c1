"""Siamese: scores of pairs."""

import torch

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import Trained, images


def test_siamese_scores_pairs_by_a_weighted_distance_of_features(
    blobs: LabelledImages, trained: Trained
):
    baseline, _ = trained("siamese")
    features = baseline.embed(images(blobs))
    scores = baseline.pair(features[:4], features)
    state = baseline.state()
    expected = (
        state["same.bias"] - (features[2] - features[7]).abs() @ state["same.weight"][0].abs()
    ).sigmoid()
    assert scores.shape == (4, len(features))
    assert torch.allclose(scores[2, 7], expected[0], atol=1e-5)
    assert torch.allclose(scores[:, :4], scores[:, :4].T, atol=1e-5)
