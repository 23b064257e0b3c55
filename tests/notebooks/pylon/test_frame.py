from dataclasses import replace

import numpy as np
import pytest

from papers_lib.metrics.localization import stride_ceiling
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.sweep.records import Record
from pylon.experiment import PylonRun
from pylon.frame import POST_HOC, PRINTED, TRAININGS, Swept, ceilings, label, tidy
from pylon.measures import CAMS
from tests.notebooks.pylon.stores import SIDE, listed

IMAGES = listed()
RUN = PylonRun(seed=0)


def record(point=0.5, status="ok", **fields):
    config = replace(RUN, **fields)
    if status != "ok":
        return Record(config, config.label(), status, "why", {}, "key")
    metrics = {"training": config.training(), "auroc_macro": 0.7}
    if point is not None:
        metrics |= {"point_macro": point, "point/Nodule": point / 2, "iou_macro": 0.1}
    if config.method == "cam":
        for number, name in enumerate(CAMS):
            metrics |= {f"{name}.point_macro": 0.1 * number, f"{name}.point/Nodule": 0.05}
    return Record(config, config.label(), "ok", "", metrics, "key")


def swept(*records, data="nih", side=SIDE):
    return Swept(data, records, IMAGES, side)


def row(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_a_row_a_model_and_a_row_for_each_map_of_the_baseline():
    frame = tidy([swept(record(method="cam"), record(method="pylon"), record(method="cam", seed=1))])
    assert frame["method"].value_counts().to_dict() == {"cam": 2, "pylon": 1, **dict.fromkeys(CAMS, 2)}
    own = row(frame, method="grad_cam_pp", seed=1)
    assert (own["point_macro"], own["name"], own["setting"]) == (0.1, "Grad-CAM++", "grad_cam_pp_frozen")
    assert np.isnan(own["auroc_macro"])
    assert not any(column.startswith(tuple(f"{cam}." for cam in CAMS)) for column in frame)
    plain = row(frame, method="pylon")
    assert (plain["name"], plain["setting"], plain["side"], plain["data"]) == (
        "PYLON",
        "pylon_frozen",
        SIDE,
        "nih",
    )


def test_strides_of_the_maps():
    frame = tidy(
        [swept(*(record(method=m) for m in ("cam", "pylon", "pylon_2up", "li2018", "conventional")))]
    )
    strides = dict(zip(frame["method"], frame["stride"], strict=True))
    assert np.isnan(strides.pop("conventional"))
    assert strides == {"cam": 32, "pylon": 4, "pylon_2up": 8, "li2018": SIDE / 20, **dict.fromkeys(CAMS, 32)}


def test_share_of_what_the_stride_allows_in_the_smallest_class():
    frame = tidy([swept(record(0.4, method="cam"), record(0.4, method="pylon"))])
    test = IMAGES.part("test")
    boxes = [box for box in test.of_class(1, (SIDE, SIDE)) if len(box)]
    for method, stride in (("cam", 32), ("pylon", 4)):
        top = stride_ceiling(boxes, (SIDE, SIDE), stride)
        assert ceilings(IMAGES, SIDE, stride)["Nodule"] == top
        assert row(frame, method=method)["nodule_share"] == pytest.approx(0.2 / top)


def test_gain_by_larger_images_is_within_method_and_seed():
    small = swept(
        record(0.3, method="pylon"),
        record(0.4, method="pylon", seed=1),
        record(0.2, method="li2018", arm="others"),
    )
    large = swept(
        record(0.5, method="pylon", arm="large"),
        record(0.5, method="pylon", arm="large", seed=1),
        record(0.5, method="li2018", arm="large"),
        record(0.5, method="fpn", arm="large"),
        data="nih_large",
        side=128,
    )
    frame = tidy([small, large])
    gains = frame[frame["arm"] == "large"].set_index(["method", "seed"])["size_gain"]
    assert gains["pylon", 0] == pytest.approx(0.2)
    assert gains["pylon", 1] == pytest.approx(0.1)
    assert gains["li2018", 0] == pytest.approx(0.3)
    assert np.isnan(gains["fpn", 0])  # has no counterpart
    assert frame.loc[frame["arm"] != "large", "size_gain"].isna().all()
    assert row(frame, data="nih_large", method="fpn")["side"] == 128


def test_gain_of_the_maps_of_the_baseline_too():
    small = swept(record(method="cam"))
    large = swept(record(0.9, method="cam", arm="large"), data="nih_large", side=128)
    frame = tidy([small, large])
    assert row(frame, arm="large", method="cam")["size_gain"] == pytest.approx(0.4)
    assert row(frame, arm="large", method="xgrad_cam")["size_gain"] == 0


def test_settings_of_the_trainings():
    runs = [
        {"phases": ("all",)},
        {"phases": ("decoder", "all"), "source": "x"},
        {"phases": ("decoder", "all"), "source": "x", "statistics": "moving"},
    ]
    frame = tidy([swept(*(record(arm="transfer", **one) for one in runs), data="vindr")])
    assert frame["setting"].tolist() == [
        "pylon_one_phase",
        "pylon_transfer_two_phase",
        "pylon_transfer_two_phase_moving",
    ]
    assert set(frame["training"]) <= set(TRAININGS)


def test_a_run_that_failed_is_a_row_without_numbers():
    frame = tidy([swept(record(), record(status="diverged", method="fpn"))])
    failed = row(frame, method="fpn")
    assert failed["status"] == "diverged"
    assert np.isnan(failed["point_macro"])
    assert np.isnan(failed["nodule_share"])


def test_a_failed_baseline_has_no_rows_of_maps():
    frame = tidy([swept(record(method="cam"), record(method="cam", seed=1, status="diverged"))])
    assert frame["method"].value_counts()["grad_cam"] == 1


def test_runs_that_all_failed_are_rows_as_well():
    frame = tidy([swept(record(status="diverged"))])
    assert frame["status"].tolist() == ["diverged"]


def test_runs_without_maps_alone():
    frame = tidy([swept(record(None, method="conventional", arm="parts"))])
    assert np.isnan(row(frame, method="conventional")["size_gain"])


def test_a_sweep_without_a_run_is_left_out_and_none_is_an_error():
    assert len(tidy([swept(record()), swept(data="vindr")])) == 1
    with pytest.raises(ValueError, match="expected at least one record"):
        tidy([swept()])


def test_the_input_stays():
    records = (record(method="cam"),)
    before = dict(records[0].metrics)
    tidy([swept(*records)])
    assert records[0].metrics == before


def test_names():
    assert label("cam") == METHODS["cam"].label
    assert label("xgrad_cam") == "XGrad-CAM"
    assert POST_HOC.keys() == PRINTED.keys() == set(CAMS)
    assert not set(CAMS) & set(METHODS)
