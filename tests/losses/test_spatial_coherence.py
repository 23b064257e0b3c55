"""Spatial coherence against plain loops over pixels, hand-worked values, degenerate maps, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.spatial_coherence import components, otsu_threshold, spatial_coherence


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


SQUARE = ndimage.generate_binary_structure(2, 2)


def same_partition(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two labellings are one up to the numbers, with 0 for none in both."""
    pairs = set(zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and (
        {a == 0 for a, b in pairs if b == 0} <= {True} and {b == 0 for a, b in pairs if a == 0} <= {True}
    )


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    share=st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.6, 0.75, 1.0]),  # around .41 and .59 components percolate
)
def test_equals_scipy(seed, height, width, share):
    random = torch.rand(2, 2, height, width, generator=torch.Generator().manual_seed(seed))
    maps = (random < share).float()
    labels = components(maps)
    assert labels.dtype == torch.int64
    for one, found in zip(maps.flatten(0, 1).numpy(), labels.flatten(0, 1).numpy(), strict=True):
        theirs, count = ndimage.label(one > one.mean(), SQUARE)
        assert same_partition(found, theirs)
        assert sorted(set(found.ravel()) - {0}) == list(range(1, count + 1))


def otsu_by_search(values: np.ndarray) -> int:
    """The lowest whole threshold whose two sides differ most."""
    scores = []
    for cut in range(values.min(), values.max()):
        low, high = values[values <= cut], values[values > cut]
        scores.append(len(low) * len(high) * (low.mean() - high.mean()) ** 2)
    return values.min() + int(np.argmax(np.round(scores, 6)))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), spread=st.integers(1, 255))
def test_otsu_equals_a_search_over_whole_levels(seed, spread):
    random = np.random.default_rng(seed)
    values = random.integers(0, spread + 1, size=(3, 40))
    values[:, :2] = [0, 255]  # one bin a level
    found = otsu_threshold(torch.tensor(values, dtype=torch.float64).reshape(3, 8, 5) - 7.0)
    for one, threshold in zip(values, found.numpy() + 7, strict=True):
        assert (one > threshold).tolist() == (one > otsu_by_search(one)).tolist()


def blobs(seed: int, *shape: int) -> Tensor:
    noise = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(ndimage.gaussian_filter(noise, (0, 1.2, 1.2)))


def published_by_loops(x: np.ndarray, threshold: float, window: int, erosion: int) -> tuple[float, int]:
    """Sum and number of pairs of one map: components by scipy, the window in a map framed with zeros."""
    above, square = x > threshold, np.ones((3, 3))
    above = ndimage.binary_erosion(above, square, iterations=erosion) if erosion else above
    labels, count = ndimage.label(above, square)
    radius, framed = window // 2, np.pad(x, window // 2)
    total, pairs = 0.0, 0
    for component in range(1, count):  # without the last
        for y, c in np.argwhere(labels == component):
            for v in range(-radius, radius + 1):
                for d in range(-radius, radius + 1):
                    if (v, d) != (0, 0):
                        total += (x[y, c] - framed[y + v + radius, c + d + radius]) ** 2
                        pairs += 1
    return total, pairs


@pytest.mark.parametrize("erosion", [0, 1])
@pytest.mark.parametrize("window", [3, 9])
def test_equals_loops_over_pixels(window, erosion):
    maps = blobs(0, 3, 18, 15)
    levels = otsu_threshold(maps).tolist()
    loops = [published_by_loops(x, t, window, erosion) for x, t in zip(maps.numpy(), levels, strict=True)]
    assert min(total for total, _ in loops) > 0
    found = published_coherence(maps, window=window, erosion=erosion)
    assert found.item() == pytest.approx(np.mean([total for total, _ in loops]), rel=1e-12)
    found = published_coherence(maps, window=window, erosion=erosion, reduction="mean")
    assert found.item() == pytest.approx(np.mean([total / pairs for total, pairs in loops]), rel=1e-12)
