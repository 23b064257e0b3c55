"""The published variant against plain loops over pixels, and what sets it apart from the printed equation."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.spatial_coherence import otsu_threshold, spatial_coherence


def blobs(seed: int, *shape: int) -> Tensor:
    noise = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(ndimage.gaussian_filter(noise, (0, 1.2, 1.2)))


def by_loops(x: np.ndarray, threshold: float, window: int, erosion: int) -> tuple[float, int]:
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
    loops = [by_loops(x, t, window, erosion) for x, t in zip(maps.numpy(), levels, strict=True)]
    assert min(total for total, _ in loops) > 0
    found = published_coherence(maps, window=window, erosion=erosion)
    assert found.item() == pytest.approx(np.mean([total for total, _ in loops]), rel=1e-12)
    found = published_coherence(maps, window=window, erosion=erosion, reduction="mean")
    assert found.item() == pytest.approx(np.mean([total / pairs for total, pairs in loops]), rel=1e-12)


def test_hand_worked_with_the_last_component_dropped_and_zeros_beyond_the_border():
    maps = torch.zeros(1, 5, 9)
    maps[0, 2, 2], maps[0, 2, 6], maps[0, 2, 7] = 2.0, 2.0, 1.9
    assert published_coherence(maps, window=3, erosion=0).item() == 8 * 4  # the pixel at column 2 alone
    assert published_coherence(maps, window=3, erosion=0, reduction="mean").item() == 4
    assert published_coherence(maps[..., 4:], window=3, erosion=0).item() == 0  # a single component
    corner = maps[:, 2:, 2:]  # five of the eight neighbours lie beyond the border, and count
    assert published_coherence(corner, window=3, erosion=0).item() == 8 * 4
    printed = spatial_coherence(maps, window=3)
    assert printed.item() == pytest.approx(2 * 0.1**2)  # only the pair of equals in one cluster
