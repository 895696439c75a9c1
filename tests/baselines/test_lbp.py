"""Local binary patterns of images whose histograms are known."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.helpers.training import made


def histograms(image: Tensor) -> tuple[Tensor, ...]:
    return made("lbp").embed(image[None, None].byte())[0].square().split([10, 18, 26])


def shares(bins: int, **of: float) -> Tensor:
    """A histogram: `shares(10, b8=0.5)` has half of all in bin 8."""
    expected = torch.zeros(bins)
    for name, share in of.items():
        expected[int(name[1:])] = share
    return expected


def test_lbp_of_a_bright_point_by_hand():
    """Round the point all is darker: no neighbour counts; elsewhere all P neighbours are at least as bright."""
    image = torch.full((7, 7), 10)
    image[3, 3] = 200
    one, two, three = histograms(image)
    assert torch.allclose(one, shares(10, b0=1 / 25, b8=24 / 25))
    assert torch.allclose(two, shares(18, b0=1 / 9, b16=8 / 9))
    assert torch.allclose(three, shares(26, b0=1.0))


def test_lbp_of_an_edge_by_hand_and_turned():
    """In the first bright column three of eight neighbours are darker."""
    image = torch.full((7, 7), 10)
    image[:, 3:] = 200
    assert torch.allclose(histograms(image)[0], shares(10, b5=1 / 5, b8=4 / 5))
    assert torch.allclose(torch.cat(histograms(image)), torch.cat(histograms(image.T)))


def test_lbp_does_not_depend_on_brightness_and_sees_texture():
    noise = torch.randint(
        0, 200, (2, 1, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    smooth = F.avg_pool2d(noise.float(), 5, stride=1, padding=2).byte()
    lbp = made("lbp")
    assert torch.allclose(lbp.embed(noise), lbp.embed(noise + 55), atol=1e-3)
    similar = F.normalize(lbp.embed(torch.cat([noise, smooth])), dim=1)
    similar = similar @ similar.T
    assert min(similar[0, 1], similar[2, 3]) > similar[:2, 2:].max()
    assert torch.allclose(lbp.embed(noise).square().sum(1), torch.tensor(3.0))


def test_lbp_takes_colour_as_grey_and_tells_the_states_of_dies_apart():
    grey = torch.randint(
        0, 256, (1, 1, 20, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    lbp = made("lbp")
    assert torch.equal(lbp.embed(grey), lbp.embed(grey.expand(-1, 3, -1, -1)))
    states = F.one_hot(grey[:, 0].long() % 3, 3).permute(0, 3, 1, 2).byte() * 255
    assert not torch.allclose(lbp.embed(states), lbp.embed(torch.full_like(states, 85)), atol=0.1)
