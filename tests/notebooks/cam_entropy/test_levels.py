import numpy as np
import pytest
import torch

from cam_entropy import localization as cam_entropy_localization
from cam_entropy.levels import levels_of, mean_masks, means_of_others, reached
from cam_entropy.localization import GRID
from papers_lib.metrics.localization import reachable
from papers_lib.metrics.masks import resize_maps
from papers_lib.metrics.overlap import best_cell_share, heat_share


@pytest.mark.parametrize("cells", [2, 3, 5, 6, 7, 12, 14])
def test_a_ceiling_asks_for_maps_of_as_many_cells(cells):
    """Foreign: the hottest pixels of many random maps, enlarged."""
    maps = torch.rand(400, cells, cells, generator=torch.Generator().manual_seed(cells))
    for pixel in resize_maps(maps, (GRID, GRID)).flatten(1).argmax(1).unique().tolist():
        hit = (torch.arange(GRID**2) == pixel).reshape(1, GRID, GRID)
        assert reached(hit, cells).tolist() == [True]
    points = reachable(cells, GRID)
    missed = torch.ones(1, GRID, GRID, dtype=torch.bool)
    missed[0, points[:, None], points] = False
    assert reached(missed, cells).tolist() == [False]


@pytest.fixture(params=[2, 512], ids="chunks of {}".format)
def masks(request, monkeypatch):
    monkeypatch.setattr(cam_entropy_localization, "CHUNK", request.param)
    return torch.rand(7, GRID, GRID, generator=torch.Generator().manual_seed(0)) < 0.3


def test_levels_are_means_over_all_masks(masks):
    prior = torch.rand(7, GRID, GRID, generator=torch.Generator().manual_seed(1))
    mass, pointing = levels_of(lambda some: masks[some], lambda some: prior[some], 7, 3)
    hottest = prior.flatten(1).argmax(1)
    assert mass["chance"] == pointing["chance"] == float(masks.double().mean())
    assert mass["prior"] == pytest.approx(float(heat_share(prior, masks).mean()), rel=1e-14)
    assert mass["ceiling"] == pytest.approx(float(best_cell_share(masks, (3, 3)).mean()), rel=1e-14)
    assert pointing["prior"] == pytest.approx(masks.flatten(1)[range(7), hottest].double().mean().item())
    assert pointing["ceiling"] == 1


def test_mean_masks_of_classes_and_of_all_others(masks):
    kinds = np.array([0, 2, 2, 0, 2, 2, 2])
    found = mean_masks(lambda some: masks[some], kinds, 3)
    every = masks.double()
    expected = [every[kinds == 0].mean(0), every.mean(0), every[kinds == 2].mean(0)]
    assert torch.equal(found, torch.stack(expected))  # no item of class 1: that of all
    others = means_of_others(lambda some: masks[some], 7)(np.array([3]))
    torch.testing.assert_close(others[0], every[[0, 1, 2, 4, 5, 6]].mean(0))
    assert bool((means_of_others(lambda some: masks[some], 1)(np.array([0])) == 1).all())
