"""Batches of a training."""

import torch

from fewshot_bench.learn.train import balanced_batches, shuffled_batches


def test_balanced_batches():
    labels = torch.arange(5).repeat_interleave(12)
    batches = balanced_batches(labels, 3, 4, torch.Generator().manual_seed(0))
    for _ in range(20):
        batch = next(batches)
        assert len(set(batch.tolist())) == 12
        assert (labels[batch].view(3, 4) == labels[batch][::4, None]).all()
        assert len(set(labels[batch][::4].tolist())) == 3


def test_shuffled_batches_take_every_image_once_an_epoch():
    batches = shuffled_batches(torch.zeros(20), 5, torch.Generator().manual_seed(0))
    for _ in range(3):
        assert sorted(torch.cat([next(batches) for _ in range(4)]).tolist()) == list(range(20))
