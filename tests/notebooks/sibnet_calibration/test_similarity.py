"""Similarities of maps: against scipy, a loop over windows, and pairs of models made by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from papers_lib.cams import display_map
from sibnet_calibration.arms import Grid, runs_of
from sibnet_calibration.experiment import SibnetRun
from sibnet_calibration.similarity import (
    ARMS,
    IMAGES,
    OTHER,
    PAIRS,
    SAME,
    SEEDS,
    compared,
    shown,
    similarity,
    similarity_scalars,
    similarity_table,
    ssim,
)
from tests.notebooks.sibnet_calibration.pictures import swept
from tests.notebooks.sibnet_calibration.runs import Runs


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def mapped(runs, seed, maps, **fields):
    return runs.record({}, {"maps": np.float16(maps)}, seed=seed, **fields)


def test_rank_is_scipy_s_and_ties_share_ranks():
    a, b = noise(4, 3, 5, 6).round(1), noise(4, 3, 5, 6, seed=1).round(1)
    each = [
        spearmanr(x.ravel(), y.ravel()).statistic
        for x, y in zip(a.reshape(-1, 5, 6), b.reshape(-1, 5, 6), strict=True)
    ]
    assert similarity(a, b).rank == pytest.approx(np.mean(each))


@pytest.mark.parametrize(("height", "width"), [(4, 6), (7, 7), (9, 12), (1, 2)])
def test_ssim_is_the_definition_window_by_window(height, width):
    a, b = np.abs(noise(3, height, width)), np.abs(noise(3, height, width, seed=1))
    h, w = min(7, height), min(7, width)
    expected = []
    for x, y in zip(a, b, strict=True):
        values = []
        for i in range(height - h + 1):
            for j in range(width - w + 1):
                p, q = x[i : i + h, j : j + w].ravel(), y[i : i + h, j : j + w].ravel()
                cov = np.cov(p, q)
                mean = (2 * p.mean() * q.mean() + 1e-4) / (p.mean() ** 2 + q.mean() ** 2 + 1e-4)
                values.append(mean * (2 * cov[0, 1] + 9e-4) / (cov[0, 0] + cov[1, 1] + 9e-4))
        expected.append(np.mean(values))
    np.testing.assert_allclose(ssim(a, b), expected)


@given(arrays(np.float32, (2, 2, 3, 4), elements=st.floats(-8, 8, width=16)))
def test_a_map_is_the_same_as_itself_and_as_its_double(maps):
    found = similarity(maps, 2 * maps)
    assert found.maps + found.skipped == 4
    if found.maps:
        assert found.rank == pytest.approx(1)
        assert found.agree == 1
    if found.maps > found.dead:
        assert found.ssim == pytest.approx(1, abs=1e-5)


def test_symmetric_and_in_bounds():
    a, b = noise(5, 2, 6, 6), noise(5, 2, 6, 6, seed=3)
    one, other = similarity(a, b), similarity(b, a)
    assert one == pytest.approx(other)
    assert -1 < one.rank < 1
    assert -1 < one.ssim < 1
    assert 0 <= one.agree <= 1


def test_ssim_takes_the_maps_as_they_are_shown():
    a, b = noise(2, 1, 4, 4), noise(2, 1, 4, 4, seed=1)
    deeper = np.where(b < 0, 5 * b, b)  # negative values are not shown
    assert similarity(a, deeper).ssim == similarity(a, b).ssim
    shown = [display_map(torch.tensor(maps[:, 0]).float()).numpy() for maps in (a, b)]
    assert similarity(a, b).ssim == pytest.approx(ssim(*shown).mean())


def test_constant_and_broken_maps_are_skipped_and_dead_ones_have_no_ssim():
    a, b = np.abs(noise(5, 1, 3, 3)), np.abs(noise(5, 1, 3, 3, seed=1))
    a[0], b[1] = 0, 7
    b[2, 0, 0, 0] = np.inf
    a[3] = -a[3]
    found = similarity(np.float16(a), np.float16(b))
    assert (found.maps, found.skipped, found.dead) == (2, 3, 1)
    assert found.ssim == similarity(np.float16(a[4:]), np.float16(b[4:])).ssim


def test_nothing_to_compare_is_nan():
    for found in (
        similarity(np.zeros((2, 1, 3, 3)), noise(2, 1, 3, 3)),
        similarity(*[np.zeros((0, 2, 3, 3))] * 2),
    ):
        assert np.isnan([found.rank, found.ssim, found.agree]).all()
        assert found.maps == 0


def test_chosen_maps_alone_count():
    a, b = noise(3, 2, 4, 4), noise(3, 2, 4, 4, seed=1)
    chosen = np.array([[True, False], [False, False], [False, True]])
    some = similarity(a[[0, 2], [0, 1]][:, None], b[[0, 2], [0, 1]][:, None])
    assert similarity(a, b, chosen) == some


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="maps"):
        similarity(noise(2, 3, 4, 4), noise(2, 3, 4, 5))
    with pytest.raises(ValueError, match="chosen"):
        similarity(noise(2, 3, 4, 4), noise(2, 3, 4, 4), np.ones((2, 2), bool))


@pytest.fixture
def models(runs):
    """Focal maps are those of cross entropy, doubled; seeds share nothing; the pair of other arms is not taken."""
    maps = [noise(6, 3, 4, 4, seed=seed) for seed in range(3)]
    records = [mapped(runs, seed, maps[seed]) for seed in (2, 0, 1)]
    records += [mapped(runs, seed, 2 * maps[seed], loss="focal") for seed in range(3)]
    records += [mapped(runs, 0, -maps[0], loss="wbce", arm="saliency")]
    records += [mapped(runs, 0, -maps[0], arm="mapping")]
    records += [runs.record(status="diverged", loss="auc", optimizer="pesg")]
    return records


def test_every_pair_of_models_has_its_kind(models):
    found = compared(swept(*models))
    pairs = found.groupby(["a", "b", "kind"]).size().to_dict()
    assert pairs == {
        ("bce", "focal", SAME): 3,
        ("bce", "focal", IMAGES): 3,
        ("bce", "focal", OTHER): 6,
        ("bce", "bce", SEEDS): 3,
        ("focal", "focal", SEEDS): 3,
        ("bce", "wbce", SAME): 1,
        ("bce", "wbce", IMAGES): 1,
    }
    seeds = found[found["kind"] == OTHER]
    assert (seeds["seed_a"] != seeds["seed_b"]).all()
    same = found[found["kind"] == SAME]
    assert (same["seed_a"] == same["seed_b"]).all()
    assert same.loc[same["b"] == "focal", "rank"].to_numpy() == pytest.approx(1)
    assert same.loc[same["b"] == "wbce", "rank"].to_numpy() == pytest.approx(-1)


def test_chance_is_the_map_of_another_image(models):
    found = compared(swept(*models), [("bce", "focal")])
    first = found[(found["kind"] == IMAGES) & (found["seed_a"] == 0)].iloc[0]
    a, b = (np.float16(factor * noise(6, 3, 4, 4)) for factor in (1, 2))
    assert first["rank"] == similarity(a, b[[3, 4, 5, 0, 1, 2]]).rank


def test_maps_of_present_classes_alone(models):
    one = swept(*models)
    found = compared(one, [("bce", "focal")], present=True)
    assert set(found["maps"]) == {int(one.opened.images.images.part("test").labels.sum())}


def test_table_and_scalars_are_means_over_models(models):
    found = compared(swept(*models))
    table = similarity_table(found).set_index(["a", "b", "kind"])
    seeds = found[(found["a"] == "bce") & (found["kind"] == SEEDS)]
    row = table.loc[("bce", "bce", SEEDS)]
    assert row["rank"] == pytest.approx(seeds["rank"].mean())
    assert (row["rank_low"], row["rank_high"]) == (seeds["rank"].min(), seeds["rank"].max())
    assert (row["models"], row["maps"]) == (3, 54)
    named = similarity_scalars(found)
    assert named["rank_bce_focal"] == pytest.approx(1)
    assert named["ssim_bce_seeds"] == pytest.approx(seeds["ssim"].mean())
    assert named["rank_bce_focal_less_seeds"] == pytest.approx(1 - seeds["rank"].mean())
    # Focal maps are cross entropy's: with another seed they are as far off as cross entropy's own.
    assert named["rank_bce_focal_cost"] == pytest.approx(0, abs=1e-3)
    assert not any("auc" in name for name in named)
    assert similarity_scalars(found, "present_")["present_agree_bce_focal"] == named["agree_bce_focal"]


def test_without_runs_all_is_empty(runs):
    lone = compared(
        swept(mapped(runs, 0, noise(6, 3, 2, 2)), mapped(runs, 0, noise(6, 3, 2, 2), loss="focal"))
    )
    assert set(lone["kind"]) == {SAME, IMAGES}
    assert "rank_bce_focal_less_seeds" not in similarity_scalars(lone)
    none = compared(swept(runs.record({"auroc_macro": 0.5})))
    assert len(none) == len(similarity_table(none)) == 0
    assert list(similarity_table(none))[:5] == ["a", "b", "kind", "models", "rank"]
    assert similarity_scalars(none) == {}


def test_every_pair_of_settings_is_one_of_the_experiment_s():
    known = {one.setting() for one in runs_of(SibnetRun(seed=0), list(ARMS), Grid())}
    assert {name for pair in PAIRS for name in pair} <= known


def test_the_page_shows_every_yardstick_of_the_first_pair_and_two_of_the_others():
    kinds = [SAME, SEEDS, OTHER, IMAGES]
    table = pd.DataFrame(
        [{"a": "bce", "b": b, "kind": kind} for b in ("focal", "auc_pesg") for kind in kinds]
    )
    assert shown(table).tolist() == [True, True, True, True, True, True, False, False]
