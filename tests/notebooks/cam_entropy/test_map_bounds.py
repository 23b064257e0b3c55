"""Bounds against random search, every two-valued map of small grids, and maps that attain them."""

import itertools
import math

import numpy as np
import pytest

from cam_entropy import map_bounds as bound

RANGES = [(1.029, 1.358), (1.039, 2.220), (0.01, 5.0)]
FUNCTIONS_OF_CELLS = [bound.largest_dispersion, bound.least_dispersion, bound.least_entropy]
FUNCTIONS_OF_SIDE = [bound.largest_area, bound.least_area_bound, bound.least_area_found]


def dispersion(maps):
    return maps.var(axis=-1) / maps.mean(axis=-1) ** 2


def entropy(maps):
    p = maps / maps.sum(axis=-1, keepdims=True)
    return -(p * np.log(p)).sum(axis=-1)


def area(maps, height, width):
    """ca by sums over rows and columns, the textbook way."""
    p = (maps / maps.sum(axis=-1, keepdims=True)).reshape(-1, height, width)
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    mean_y, mean_x = (p * y).sum((1, 2)), (p * x).sum((1, 2))
    var_y = (p * y**2).sum((1, 2)) - mean_y**2
    var_x = (p * x**2).sum((1, 2)) - mean_x**2
    covariance = (p * y * x).sum((1, 2)) - mean_y * mean_x
    return np.sqrt(var_y * var_x - covariance**2)


def random_maps(low, high, cells, count=4000, seed=0):
    """Maps that take both extremes: uniform values, values near the extremes, and almost constant ones."""
    rng = np.random.default_rng(seed)
    shape = rng.choice([0.02, 0.3, 1.0, 30.0], size=(count, 1))
    skew = rng.choice([0.1, 1.0, 10.0], size=(count, 1))
    maps = low + (high - low) * rng.beta(shape, shape * skew, size=(count, cells))
    ends = rng.permuted(np.tile(np.arange(cells), (count, 1)), axis=1)[:, :2]
    np.put_along_axis(maps, ends[:, :1], low, axis=1)
    np.put_along_axis(maps, ends[:, 1:], high, axis=1)
    return maps


def two_valued_maps(low, high, cells):
    return np.where(np.array(list(itertools.product([False, True], repeat=cells))), high, low)


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("cells", [2, 5, 36])
def test_random_maps_stay_within_the_bounds(low, high, cells):
    maps = random_maps(low, high, cells)
    cd, ce = dispersion(maps), entropy(maps)
    assert cd.max() <= bound.largest_dispersion(low, high, cells) + 1e-12
    assert bound.largest_dispersion(low, high, cells) <= bound.largest_dispersion(low, high) + 1e-12
    assert cd.min() >= bound.least_dispersion(low, high, cells) - 1e-12
    assert ce.min() >= bound.least_entropy(low, high, cells) - 1e-12
    assert bound.least_entropy(low, high, cells) >= math.log(cells) - bound.largest_entropy_deficit(low, high)
    assert (ce >= [bound.least_entropy_given_dispersion(d, cells) - 1e-12 for d in cd]).all()


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_the_bounds_for_n_cells_are_attained(low, high):
    maps = two_valued_maps(low, high, 8)
    assert dispersion(maps).max() == pytest.approx(bound.largest_dispersion(low, high, 8), rel=1e-10)
    assert entropy(maps).min() == pytest.approx(bound.least_entropy(low, high, 8), rel=1e-12)
    c = (low**2 + high**2) / (low + high)
    flattest = dispersion(np.array([low, high] + [c] * 6))
    assert flattest == pytest.approx(bound.least_dispersion(low, high, 8), rel=1e-10)


@pytest.mark.parametrize(("low", "high"), [*RANGES[:2], (0.2, 5.0)])
def test_the_bounds_for_any_number_of_cells_are_limits(low, high):
    cells = 1200
    assert bound.largest_dispersion(low, high, cells) == pytest.approx(
        bound.largest_dispersion(low, high), rel=1e-4
    )
    deficit = math.log(cells) - bound.least_entropy(low, high, cells)
    assert deficit == pytest.approx(bound.largest_entropy_deficit(low, high), rel=1e-4)


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("side", [2, 3, 6])
def test_areas_of_random_maps_stay_within_the_bounds(low, high, side):
    maps = np.concatenate([random_maps(low, high, side**2), patches(low, high, side)])
    areas = area(maps, side, side)
    assert areas.max() <= bound.largest_area(low, high, side) + 1e-12
    assert areas.max() <= bound.area_limit(side, side)
    assert areas.min() >= bound.least_area_bound(low, high, side) - 1e-12
    found, least = bound.least_area_found(low, high, side)
    assert found == pytest.approx(area(least.reshape(1, -1), side, side)[0], rel=1e-12)
    assert set(np.unique(least)) <= {low, high}
    assert found <= areas.min() + 1e-12  # a better random map would show that the search is not good enough


def patches(low, high, side, count=2000, seed=1):
    """High values in a random ellipse, and their complements: much nearer to the extremes than noise."""
    rng = np.random.default_rng(seed)
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
    offset = points - rng.uniform(-0.5, side - 0.5, size=(count, 1, 2))
    root = rng.normal(size=(count, 2, 2))
    distance = ((offset @ root) ** 2).sum(-1)
    inner = distance <= np.take_along_axis(
        np.sort(distance, axis=1), rng.integers(0, side**2, size=(count, 1)), axis=1
    )
    inner ^= rng.random((count, 1)) < 0.5
    return np.where(inner, high, low)


@pytest.mark.parametrize(("low", "high"), [*RANGES, (1.0, 3.0)])  # the last needs starts that are no circles
@pytest.mark.parametrize("side", [2, 3, 4])
def test_least_area_found_is_the_least_of_small_grids(low, high, side):
    areas = area(two_valued_maps(low, high, side**2), side, side)
    assert bound.least_area_found(low, high, side)[0] == pytest.approx(areas.min(), rel=1e-10)


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("side", [3, 4])
def test_largest_area_is_attained(low, high, side):
    """By the map of the proof: the k farthest cells at ``high``, whole rings of equal distance."""
    line = np.arange(side) - (side - 1) / 2
    squared = (line[:, None] ** 2 + line[None, :] ** 2).ravel()
    maps = np.stack([np.where(squared >= radius, high, low) for radius in np.unique(squared)])
    assert area(maps, side, side).max() == pytest.approx(bound.largest_area(low, high, side), rel=1e-12)


def test_corners_have_the_largest_area_and_the_constant_map_has_not():
    corners = np.zeros((5, 7))
    corners[[0, 0, -1, -1], [0, -1, 0, -1]] = 1
    assert area(corners.reshape(1, -1), 5, 7)[0] == pytest.approx(bound.area_limit(5, 7))
    assert area(np.ones((1, 35)), 5, 7)[0] == pytest.approx(bound.uniform_area(5, 7))
    assert bound.uniform_area(6, 6) == pytest.approx(35 / 12)
    noise = np.random.default_rng(0).random((2000, 35)) ** 4
    assert area(noise, 5, 7).max() <= bound.area_limit(5, 7)


def test_most_cells_by_trying_every_number():
    low, high = 0.2, 5.0
    for share in np.linspace(0.4, 0.7, 13):
        fitting = [n for n in range(2, 200) if bound.least_entropy(low, high, n) <= share * math.log(n)]
        assert bound.most_cells(share, low, high) == max(fitting, default=1)
    assert bound.most_cells(0.7, low, high) > 10
    assert bound.most_cells(0.999, 1.0, 1.0) == 1


def test_constant_maps():
    assert bound.largest_dispersion(2.0, 2.0) == bound.least_dispersion(2.0, 2.0, 9) == 0
    assert bound.largest_entropy_deficit(2.0, 2.0) == 0
    assert bound.least_entropy(2.0, 2.0, 9) == pytest.approx(math.log(9))
    for function in (bound.largest_area, bound.least_area_bound):
        assert function(2.0, 2.0, 3) == pytest.approx(bound.uniform_area(3, 3))
    assert bound.least_area_found(2.0, 2.0, 3)[0] == pytest.approx(bound.uniform_area(3, 3))


@pytest.mark.parametrize("function", FUNCTIONS_OF_CELLS + FUNCTIONS_OF_SIDE)
@pytest.mark.parametrize(
    ("arguments", "match"),
    [((0.0, 1.0, 4), "low is 0"), ((2.0, 1.0, 4), "low <= high"), ((1.0, 2.0, 1), "1 cells")],
)
def test_extremes_and_sizes_that_make_no_map_are_value_errors(function, arguments, match):
    with pytest.raises(ValueError, match=match):
        function(*arguments)


def test_shares_and_dispersions_that_cannot_be_are_value_errors():
    with pytest.raises(ValueError, match="entropy_share is 1"):
        bound.most_cells(1.0, 1.0, 2.0)
    with pytest.raises(ValueError, match="dispersion is -1"):
        bound.least_entropy_given_dispersion(-1.0, 4)
