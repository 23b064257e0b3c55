from types import SimpleNamespace

import numpy as np
import pytest

from heatmap_loss.pairs import equal_loss_pair, explained


def test_the_pair_by_hand():
    """Four 1 x 2 maps on 1 x 2 masks: cell 0 is heart. Losses by hand: heat outside over the maximum, over 2 cells."""
    maps = np.array([[[1.0, 1.0]], [[3.0, 3.0]], [[4.0, 2.0]], [[2.0, 4.0]]])
    heart = np.tile(np.array([[[True, False]]]), (4, 1, 1))
    images = np.zeros((4, 1, 2), np.uint8)
    pair = equal_loss_pair(maps, heart, images)
    # Losses .5, .5, .25, .5 and shares .5, .5, .667, .333: equal loss and the largest gap: 0 (or 1) against 3.
    assert pair.losses == pytest.approx((0.5, 0.5))
    assert pair.shares == pytest.approx((1 / 2, 1 / 3))
    assert pair.gap == pytest.approx(1 / 6)
    assert pair.indices[1] == 3


def test_panels_split_the_heat(slices):
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(12, 6, 8))
    heart = np.zeros((12, 105, 135), bool)
    heart[:, 30:70, 40:90] = True
    pair = equal_loss_pair(maps, heart, rng.integers(0, 255, (12, 105, 135), dtype=np.uint8), tolerance=0.5)
    blank, heat, outside, inside = pair.panels[:4]
    assert np.isnan(blank).all()
    assert np.nanmax(heat) == pytest.approx(1.0, abs=0.2)
    assert np.isnan(outside[heart[0]]).all()
    assert np.allclose(np.where(heart[0], inside, outside), heat)
    assert abs(pair.losses[0] - pair.losses[1]) <= 0.5 * np.mean(pair.losses)
    assert pair.gap > 0


def test_no_pair_of_equal_loss_is_said():
    maps = np.array([[[4.0, 1.0]], [[4.0, 3.0]]])
    heart = np.tile(np.array([[[True, False]]]), (2, 1, 1))
    assert equal_loss_pair(maps, heart, np.zeros((2, 1, 2), np.uint8)) is None


def test_the_explained_model_is_the_first_kept_of_the_matched_heatmap_group():
    def record(group, arm, kept):
        return SimpleNamespace(
            config=SimpleNamespace(group=group, arm=arm), metrics={"kept": kept} if kept is not None else {}
        )

    wanted = record("heatmap", "main", True)
    others = [
        record("cce", "main", True),
        record("heatmap", "main", None),
        record("heatmap", "authors", True),
    ]
    assert explained([*others, wanted]) is wanted
    assert explained(others) is None
