"""Trainings that tests of several baselines share."""

import functools

import pytest

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import Trained, fitted


@pytest.fixture(scope="session")
def trained(blobs: LabelledImages) -> Trained:
    """A baseline fitted to three classes, once for all tests, and its losses."""
    train = blobs.subset(blobs.class_names[:3])
    return functools.cache(lambda name: fitted(name, train))
