"""Spatial coherence against plain loops over pixels, hand-worked values, degenerate maps, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.spatial_coherence import components, spatial_coherence


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loops(x: np.ndarray, labels: np.ndarray, window: int) -> tuple[float, int, np.ndarray]:
    """Equation of section 3.1.2 for one map, pixel by pixel: the sum, its number of pairs, its gradient."""
    radius, (height, width) = window // 2, x.shape
    total, pairs, gradient = 0.0, 0, np.zeros_like(x)
    for y in range(height):
        for c in range(width):
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for d in range(max(0, c - radius), min(width, c + radius + 1)):
                    if (v, d) != (y, c) and labels[y, c] == labels[v, d] != 0:
                        difference = x[y, c] - x[v, d]
                        total, pairs = total + difference**2, pairs + 1
                        gradient[y, c] += 2 * difference
                        gradient[v, d] -= 2 * difference
    return total, pairs, gradient


@pytest.mark.parametrize("shape", [(2, 7, 9), (1, 12, 5), (2, 2, 11), (2, 1, 6), (2, 8, 3), (1, 1, 1)])
@pytest.mark.parametrize("window", [3, 5, 9])
def test_equals_loops_over_pixels_in_value_and_gradient(shape, window):
    maps = random_maps(sum(shape) + window, *shape).requires_grad_()
    generator = torch.Generator().manual_seed(1)
    for labels in (components(maps), torch.randint(-1, 3, shape, generator=generator)):
        loops = [by_loops(*pair, window) for pair in zip(maps.detach().numpy(), labels.numpy(), strict=True)]
        for reduction in ("sum", "mean"):
            share = [1 / max(pairs, 1) if reduction == "mean" else 1.0 for _, pairs, _ in loops]
            expected = np.mean([s * total for s, (total, _, _) in zip(share, loops, strict=True)])
            slopes = np.stack([s * slope for s, (_, _, slope) in zip(share, loops, strict=True)]) / len(loops)
            found = spatial_coherence(maps, labels, window=window, reduction=reduction)
            (gradient,) = torch.autograd.grad(found, maps)
            assert found.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)
            np.testing.assert_allclose(gradient.numpy(), slopes, rtol=1e-12, atol=1e-12)


def test_maps_worked_on_in_parts_equal_single_ones():
    maps = random_maps(2, 100, 40, 40)  # more pixels than one part holds
    singles = torch.stack([spatial_coherence(one, reduction="mean") for one in maps])
    torch.testing.assert_close(spatial_coherence(maps, reduction="mean"), singles.mean(), rtol=1e-12, atol=0)
    folded = spatial_coherence(maps.reshape(4, 25, 40, 40))
    torch.testing.assert_close(spatial_coherence(maps), folded, rtol=1e-12, atol=0)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    factor=st.floats(0.01, 100),
    shift=st.floats(-10, 10),
    window=st.sampled_from([3, 5, 9]),
    reduction=st.sampled_from(["sum", "mean"]),
)
def test_properties(seed, factor, shift, window, reduction):
    maps = random_maps(seed, 3, 6, 7)
    labels = torch.randint(3, maps.shape, generator=torch.Generator().manual_seed(seed))
    found = spatial_coherence(maps, labels, window=window, reduction=reduction)
    assert found >= 0

    def again(some: Tensor, clusters: Tensor) -> Tensor:
        return spatial_coherence(some, clusters, window=window, reduction=reduction)

    torch.testing.assert_close(again(factor * maps + shift, labels), factor**2 * found, rtol=1e-7, atol=1e-9)
    for turned in (lambda m: m.flip(-1), lambda m: m.flip(-2), lambda m: m.mT):
        torch.testing.assert_close(again(turned(maps), turned(labels)), found)
    names = torch.tensor([0, 2**40, 7])  # numbers that float32 would not keep apart
    torch.testing.assert_close(again(maps, names[labels]), found)
    other = torch.tensor([0, 2**40, 2**40 + 1])
    torch.testing.assert_close(again(maps.float(), other[labels]), again(maps.float(), labels))


def test_it_is_differentiated_once_and_says_so():
    maps = random_maps(5, 1, 4, 4).requires_grad_()
    with pytest.raises(
        RuntimeError, match="spatial_coherence: can be differentiated once, got create_graph=True"
    ):
        torch.autograd.grad(spatial_coherence(maps), maps, create_graph=True)
