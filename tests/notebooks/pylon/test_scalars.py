"""Named numbers: by hand, and there whatever was trained."""

import math

import pytest

from pylon.frame import tidy
from pylon.scalars import scalars
from tests.notebooks.pylon.runs import Runs, swept


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def test_by_hand(runs):
    cams = [runs.pointed([1, 0, 0, 0], 0.1, method="cam", seed=seed) for seed in (0, 1)]
    pan = [
        runs.record({"point_macro": v}, method="pan", arm="others", seed=s) for s, v in enumerate((0.1, 0.5))
    ]
    bare = [
        runs.record({"point_macro": v}, method="pan_no_gap", arm="pools", seed=s)
        for s, v in enumerate((0.5, 0.6))
    ]
    masked = {
        "masked_out_passes": 30.0,
        "masked_out_all_passes": 200.0,
        "point_macro": 0.5,
        "auroc_macro": 0.9,
    }
    records = [
        *cams,
        *pan,
        *bare,
        runs.record(masked, method="pylon"),
        runs.record(status="failed", method="cam", seed=2),
    ]
    found = scalars(tidy([swept(*records)]), records)
    assert found["mean_point_cam"] == found["mean_point_grad_cam"] == pytest.approx(0.1)
    assert (found["mean_point_pylon"], found["mean_auroc_pylon"]) == (0.5, 0.9)
    assert found["sd_pan"] == pytest.approx(0.4 / math.sqrt(2))
    assert found["sd_ratio_pan"] == pytest.approx(4)
    assert (found["masked_passes"], found["masked_all_passes"]) == (30, 200)
    assert (found["gradcam_points_apart"], found["gradcam_points"]) == (4, 8)  # two a run, of four pairs each
    assert math.isnan(found["mean_point_unet"])


def test_gain_of_two_phases(runs):
    records = [
        runs.record({"point_macro": value}, method="fpn", arm="voc", phases=phases)
        for value, phases in ((0.2, ("all",)), (0.5, ("decoder", "all")))
    ]
    found = scalars(tidy([swept(*records, data="voc")]))
    assert found["two_phase_gain_voc_fpn"] == pytest.approx(0.3)
    assert math.isnan(found["two_phase_gain_vindr_fpn"])


def test_the_same_names_whatever_was_trained(runs):
    few = scalars(tidy([swept(runs.record({"point_macro": 0.5}, method="unet", arm="others"))]))
    many = scalars(tidy([swept(runs.pointed([1, 0, 0, 0], method="cam"))]))
    assert few.keys() == many.keys()
    assert all(name.isidentifier() for name in few)
    assert math.isnan(few["gradcam_points_apart"])
    assert math.isnan(few["sd_ratio_pan"])


def test_equal_seeds_have_no_ratio(runs):
    records = [
        runs.record({"point_macro": 0.5}, method=method, arm="pools", seed=seed)
        for method in ("pan", "pan_no_gap")
        for seed in (0, 1)
    ]
    found = scalars(tidy([swept(*records)]))
    assert found["sd_pan_no_gap"] == 0
    assert math.isnan(found["sd_ratio_pan"])
