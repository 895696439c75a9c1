"""What a training sees of its batches."""

import dataclasses

import numpy as np
import torch

from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.learn.batches import TrainImages, balanced_batches, shuffled_batches
from tests.helpers.training import CPU

ALL = frozenset({"masks", "defects"})


def images(**fields: object) -> LabelledImages:
    """Four pictures of 8 x 8 pixels, two of each class; the second channel tells the defect."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 8, 8), dtype=np.uint8)
    pixels[:, 1] = 0
    pixels[:, 1, 2:4, 4:] = 255
    boxes = tuple(np.array([[4, 2, 8, 4]]) for _ in range(4))
    data = group_by_class("x", pixels, [0, 0, 1, 1], ["a", "a+b"], list("pqrs"), boxes=boxes)
    return dataclasses.replace(data, **fields)


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


def test_a_batch_holds_what_the_method_asks_for():
    data = images(mask_channel=1, defects=("a", "b"), composition=(("a",), ("a", "b")))
    train = TrainImages(data, 8, CPU, ALL)
    batch = train.batch(torch.tensor([0, 3]), 0.25)
    assert batch.labels_B.tolist() == [0, 1]
    assert batch.defects_BP is not None
    assert batch.masks_B1HW is not None
    assert batch.defects_BP.tolist() == [[1, 0], [1, 1]]
    assert torch.equal(batch.masks_B1HW[:, 0], batch.images_BCHW[:, 1])
    assert batch.share == 0.25
    plain = TrainImages(data, 8, CPU, frozenset()).batch(torch.tensor([0]), 0)
    assert plain.masks_B1HW is None
    assert plain.defects_BP is None


def test_without_a_channel_masks_are_the_boxes_and_without_composition_classes_are_defects():
    data = images()
    batch = TrainImages(data, 8, CPU, ALL).batch(torch.arange(4), 0)
    assert batch.masks_B1HW is not None
    assert batch.defects_BP is not None
    assert torch.equal(batch.masks_B1HW[:, 0], batch.images_BCHW[:, 1])
    assert batch.defects_BP.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    without = TrainImages(images(boxes=None), 8, CPU, ALL).batch(torch.arange(4), 0)
    assert without.masks_B1HW is None


def test_masks_are_stored_at_the_size_of_the_images():
    batch = TrainImages(images(), 32, CPU, ALL).batch(torch.arange(4), 0)
    assert batch.masks_B1HW is not None
    assert batch.masks_B1HW.shape == (4, 1, 32, 32) == (4, 1, *batch.images_BCHW.shape[2:])
