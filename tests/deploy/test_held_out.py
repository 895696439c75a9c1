"""References are held out from the rule and from the mean of their class."""

from __future__ import annotations

import numpy as np
import torch

from fewshot_bench.deploy.held_out import classes_of, held_out

LABELS = np.repeat([0, 1, 2, 3], [10, 3, 4, 1])
KNOWN = 2


class _Spy:
    """An answerer that notes what it learned from, and scores by distance to the mean."""

    def __init__(self, learned, features):
        self.learned = learned
        self.transformed_MD = features
        self.reference_MVD = features[:, None]

    def scores(self, support_NKD, query_QD):
        self.support_NKD = support_NKD
        return -torch.cdist(query_QD, support_NKD.mean(1)).double().numpy()


def test_known_ones_are_held_out_by_folds_and_new_ones_one_by_one():
    features = torch.randn(18, 5, generator=torch.Generator().manual_seed(0))
    made = []

    def fit(learned):
        made.append(_Spy(learned, features))
        return made[-1]

    held = held_out(fit, LABELS, KNOWN)

    assert sorted(held.labels_M) == sorted(LABELS[:-1])  # the class of one picture has none
    *folds, of_new = made
    assert all(not spy.learned[LABELS >= KNOWN].any() for spy in made)
    left_out = sum((~spy.learned[:13]).astype(int) for spy in folds)
    assert (left_out == 1).all()
    assert of_new.learned[:13].all()


def test_a_reference_is_not_in_its_own_mean():
    features = 10 * torch.eye(18)

    held = held_out(lambda learned: _Spy(learned, features), LABELS, KNOWN)

    own = held.scores_MN[np.arange(len(held.labels_M)), held.labels_M]
    assert (own < -10).all()  # with itself in the mean it would be nearer


def test_classes_with_fewer_references_are_filled_up_by_their_mean():
    features = torch.arange(18.0)[:, None]

    support_NKD = classes_of(features[:, None], LABELS, KNOWN)

    assert support_NKD.shape == (4, 4, 1)
    assert support_NKD[0].unique().tolist() == [4.5]
    assert support_NKD[2, :, 0].tolist() == [13, 14, 15, 16]
    assert support_NKD[3].unique().tolist() == [17]
