import numpy as np
import pytest
import torch
from fewshot_bench.plugins.episodes.mixedwm38 import (
    die_states,
)

from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.encoder import resize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 64, side: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 1, side, side), generator=generator(9)).float()


def test_whole_crops_are_the_eight_symmetries_of_the_square():
    originals = images()
    views = Augment(16, crop=1.0, ratio=1.0)(originals, generator())
    seen = set()
    for original, view in zip(originals, views, strict=True):
        forms = [
            torch.rot90(form, turn, (1, 2))
            for form in (original, original.flip(2))
            for turn in range(4)
        ]
        matches = [k for k, form in enumerate(forms) if torch.allclose(form, view, atol=1e-2)]
        assert len(matches) == 1
        seen.update(matches)
    assert seen == set(range(8))


def test_without_rotation_and_flips_a_whole_crop_is_the_image():
    view = Augment(16, crop=1.0, ratio=1.0, flip=0.0, rotate=False)(images(), generator())
    assert torch.allclose(view, images(), atol=1e-2)


def test_crops_stay_inside_the_image_and_show_a_part_of_it():
    ramp = torch.linspace(0, 255, 32).expand(256, 1, 32, 32)
    views = Augment(32, crop=0.2, flip=0.0, rotate=False)(ramp, generator())
    spans = views.amax((1, 2, 3)) - views.amin((1, 2, 3))
    assert views.amin() >= 0
    assert views.amax() <= 255
    assert spans.min() < 0.55 * 255  # a crop of a fifth of the area is about 45 % as wide
    assert spans.max() > 0.9 * 255


def test_views_depend_on_their_generator_alone():
    augment, originals = Augment(16), images()
    state = torch.random.get_rng_state()
    first, again, other = (augment(originals, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type(channels: int):
    batch = torch.zeros(5, channels, 20, 20, dtype=torch.uint8)
    view = Augment(12)(batch, generator())
    assert view.shape == (5, channels, 12, 12)
    assert view.dtype == torch.float32


def test_a_map_stays_a_map_on_its_way_into_the_network():
    """Every pixel is a share of the three states that adds up to one, whatever is interpolated; turns and flips are exact."""
    maps = np.random.default_rng(0).integers(0, 3, (40, 52, 52))
    images = torch.from_numpy(die_states(maps))
    generator = torch.Generator().manual_seed(0)
    for view in (resize(images, 64), Augment(64)(images, generator)):
        assert torch.allclose(view.sum(1), torch.full_like(view[:, 0], 255.0), atol=0.1)
        assert view.min() >= -1e-3
    views = Augment(52, crop=1.0, ratio=1.0)(images, generator)
    for original, view in zip(images.float(), views, strict=True):
        forms = [
            torch.rot90(form, turn, (1, 2))
            for form in (original, original.flip(2))
            for turn in range(4)
        ]
        assert sum(torch.allclose(form, view, atol=0.1) for form in forms) == 1
