import numpy as np
import pytest
import torch

from fewshot_bench.errors import NotApplicable
from tests.helpers.rule_checks import fitted


def dense(train: np.ndarray, labels: np.ndarray, features: np.ndarray) -> np.ndarray:
    """z of the definition, with all D eigenvectors."""
    residuals = train - np.stack([train[labels == label].mean(0) for label in labels])
    variances, directions = np.linalg.eigh(residuals.T @ residuals / len(train))
    variances = variances.clip(0)
    z = (features - train.mean(0)) @ directions / np.sqrt(variances + variances.mean())
    return z / np.linalg.norm(z, axis=1, keepdims=True)


@pytest.mark.parametrize("images", [12, 200])
def test_inner_products_are_those_of_the_definition(images: int):
    """With fewer train images than features, and with more."""
    rng = np.random.default_rng(3)
    labels = np.arange(images) % 3
    train = rng.normal(size=(images, 40)) * rng.random(40) * 3 + labels[:, None]
    features = rng.normal(size=(30, 40)) + 1
    rule = fitted("whitened")
    rule.fit(torch.from_numpy(train).float(), torch.from_numpy(labels))
    z = rule.transform(torch.from_numpy(features).float()).numpy()
    expected = dense(train, labels, features)
    assert np.allclose(z @ z.T, expected @ expected.T, atol=1e-4)


def test_features_of_train_images_are_not_changed():
    train = torch.rand(20, 8)
    before = train.clone()
    fitted("whitened").fit(train, torch.arange(20) % 2)
    assert torch.equal(train, before)


def test_train_classes_of_one_image_each_say_nothing_of_variance():
    with pytest.raises(NotApplicable, match="no train class varies"):
        fitted("whitened").fit(torch.rand(3, 8), torch.arange(3))
