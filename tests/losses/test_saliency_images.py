"""Maps as images: hand-worked values, constant maps and their gradients, half precision, bad input."""

import pytest
import torch
from torch import Tensor

from papers_lib.losses.saliency_images import as_images, scaled


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_each_map_is_scaled_by_its_own_range():
    maps = torch.tensor([[[[-2.0, 0.0], [2.0, 6.0]]], [[[1.0, 2.0], [5.0, 3.0]]]])
    expected = [[[[0, 0.25], [0.5, 1]]], [[[0, 0.25], [1, 0.5]]]]
    assert scaled(maps).tolist() == expected
    assert scaled(1e-20 * maps).flatten().tolist() == pytest.approx(torch.tensor(expected).flatten().tolist())


def test_gradients():
    maps = random_maps(0, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(scaled, (maps,))
    assert torch.autograd.gradcheck(lambda m: as_images(m, (6, 7), 2, relu=False), (maps,))
    # Away from the corner of the ReLU.
    assert torch.autograd.gradcheck(lambda m: as_images(m, (6, 7), 2), ((maps.sign() * (0.1 + maps.abs())),))
    assert torch.autograd.gradgradcheck(scaled, (maps,))


def test_a_range_too_small_for_its_inverse_counts_as_constant():
    maps = torch.tensor([[[0.0, 1e-42]]]).requires_grad_()
    found = scaled(maps)
    found.sum().backward()
    assert found.tolist() == [[[0, 0]]]
    assert maps.grad.tolist() == [[[0, 0]]]


def test_enlarged_bilinearly_between_pixel_centres_with_equal_channels():
    images = as_images(torch.tensor([[[0.0, 4.0]]]), (1, 4), channels=3)
    assert images.shape == (1, 3, 1, 4)
    assert images[0].tolist() == [[[0, 0.25, 0.75, 1]]] * 3
    images += 1  # each channel has its own memory
    assert images[0, 2].tolist() == [[1, 1.25, 1.75, 2]]
