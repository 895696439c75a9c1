"""SimpleShot: centred features, nearest centroid."""

import torch
import torch.nn.functional as F
from easyfsl import methods

from fewshot_bench.contract.answering import episode_rule, rule_of
from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import Trained, images


def test_simpleshot_centres_by_the_train_images_and_takes_the_nearest_centroid(
    blobs: LabelledImages, trained: Trained
):
    baseline, _ = trained("simpleshot")
    resnet, _ = trained("resnet")
    train = torch.from_numpy(blobs.images[:60])
    expected = F.normalize(resnet.embed(images(blobs)) - resnet.embed(train).mean(0), dim=1)
    assert torch.allclose(baseline.embed(images(blobs)), expected, atol=1e-5)
    assert (
        episode_rule(type(baseline))
        == rule_of(type(baseline), is_classification=True)
        == "prototype"
    )
    features = baseline.embed(images(blobs)).detach()
    support, query = features[:3], features[3:]
    simple_shot = (
        methods.SimpleShot()
    )  # cosine: with one unit reference a class, the nearest centroid
    simple_shot.process_support_set(support, torch.arange(3))
    assert torch.equal(simple_shot(query).argmax(1), (-torch.cdist(query, support)).argmax(1))
