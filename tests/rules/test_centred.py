import numpy as np

from tests.helpers.rule_checks import TRAIN_MD, fitted, scores


def test_nearest_mean_after_the_mean_of_the_train_images_is_subtracted():
    """CL2N of SimpleShot."""
    support, query, given = scores(fitted("centred"))
    centre = TRAIN_MD.numpy().astype(float).mean(0)
    support = (support - centre) / np.linalg.norm(support - centre, axis=2, keepdims=True)
    query = (query - centre) / np.linalg.norm(query - centre, axis=1, keepdims=True)
    squares = np.square(query[:, None] - support.mean(1)).sum(2)
    expected = -squares / 2
    assert np.allclose(given - given[:, :1], expected - expected[:, :1], atol=1e-5)
