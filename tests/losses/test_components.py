"""Connected components against scipy's, Otsu's threshold against a search, degenerate maps, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from papers_lib.losses.spatial_coherence import components, otsu_threshold

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


def test_many_maps_equal_single_ones():
    maps = torch.rand(
        30, 70, 80, generator=torch.Generator().manual_seed(4)
    )  # more than are worked on at a time
    for options in ({}, {"threshold": "otsu"}, {"erosion": 1}):
        singles = torch.stack([components(one, **options) for one in maps])
        assert torch.equal(components(maps, **options), singles)


@pytest.mark.parametrize("erosion", [1, 2])
def test_erosion_equals_scipy(erosion):
    maps = torch.rand(4, 15, 13, generator=torch.Generator().manual_seed(5))
    maps[1:] = (maps[1:] < 0.93).float()
    labels = components(maps, erosion=erosion).numpy()
    for one, found in zip(maps.numpy(), labels, strict=True):
        eroded = ndimage.binary_erosion(one > one.mean(), SQUARE, iterations=erosion)
        assert same_partition(found, ndimage.label(eroded, SQUARE)[0])
    assert labels.any()


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


def test_nan_and_empty():
    maps = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(0))
    maps[0, 1, 1] = torch.nan
    for threshold in ("mean", "otsu"):
        labels = components(maps, threshold=threshold)
        assert labels.flatten(1).any(1).tolist() == [False, True]
    assert components(maps[:0]).shape == (0, 4, 4)
