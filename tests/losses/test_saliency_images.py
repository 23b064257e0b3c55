"""Maps as images: hand-worked values, constant maps and their gradients, half precision, bad input."""

import torch
from torch import Tensor

from papers_lib.losses.saliency_images import as_images, scaled


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
