import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cam_entropy.curves import (
    CURVES,
    PANELS,
    curves,
    dead_curves,
    drawn,
    ends,
    setting_name,
)

NAMES = [*(f"live_{name}" for name in ("ce", "ca", "cd", "cv")), "dead_share", "accuracy", "loss"]
NAMES += [f"test_{name}" for name in ("ce", "ca", "cd", "cv", "dead_share", "accuracy")]


@pytest.fixture
def made(entropy_record):
    def make(dead=(0.0, 0.5), status="ok", **fields):
        """Two epochs; the training sums over all maps are 1, 2, …, the test values 10, 20, … times the epoch."""
        values = {name: [1.0 + i, 2.0 + i] for i, name in enumerate(NAMES)}
        values |= {name: [10.0 * i, 20.0 * i] for i, name in enumerate(NAMES) if name.startswith("test_")}
        values["dead_share"] = list(dead)
        columns = sorted(values)
        arrays = {"curves": np.array([values[c] for c in columns]).T, "curve_names": np.array(columns)}
        return entropy_record({}, arrays if status == "ok" else {}, status, **fields)

    return make


def value(frame, panel, split, epoch, seed=0):
    chosen = frame[frame["panel"].eq(panel) & frame["split"].eq(split) & frame["epoch"].eq(epoch)]
    return chosen[chosen["seed"].eq(seed)]["value"].item()


def test_training_values_are_means_over_live_maps(made):
    frame = curves([made()], "none")
    assert len(frame) == 2 * 2 * len(PANELS)
    assert value(frame, "entropy", "train", 1) == 1.0
    assert value(frame, "entropy", "train", 2) == pytest.approx(2.0 / 0.5)
    assert value(frame, "share of dead maps", "train", 2) == 0.5  # the share itself and the accuracy stay
    assert value(frame, "accuracy", "train", 2) == 2.0 + NAMES.index("accuracy")
    assert value(frame, "entropy", "test", 2) == 20.0 * NAMES.index("test_ce")


def test_an_epoch_of_dead_maps_has_no_sharpness(made):
    frame = curves([made(dead=(0.0, 1.0))], "none")
    assert not math.isfinite(value(frame, "area, cells", "train", 2))
    assert value(frame, "share of dead maps", "train", 2) == 1.0


def test_curves_are_of_the_setting_and_arm_asked_for(made):
    records = [
        made(seed=0),
        made(seed=1),
        made(seed=0, beta=100.0),
        made(seed=0, arm="deeper"),
        made(seed=2, status="diverged"),
    ]
    assert set(curves(records, "none")["seed"]) == {0, 1}
    assert len(curves(records, "relu_100")) == len(curves(records, "none")) / 2
    assert len(curves(records, "none", arm="deeper")) == 2 * 2 * len(PANELS)
    absent = curves(records, "relu_7")
    assert absent.empty
    assert list(absent) == ["epoch", "panel", "split", "seed", "value"]


def test_dead_maps_of_every_setting_of_the_main_arm(made):
    records = [made(), made(beta=3.0, form="shifted"), made(arm="deeper"), made(seed=1, status="diverged")]
    frame = dead_curves(records)
    assert set(frame["loss"]) == {"β = 0", "β = 3, M − min M"}
    dead = NAMES.index("test_dead_share")
    assert frame["dead"].tolist() == [10.0 * dead, 20.0 * dead] * 2
    assert frame["epoch"].tolist() == [1, 2, 1, 2]
    assert list(dead_curves([])) == list(frame)


def test_ends_are_the_test_values_of_the_first_and_the_last_epoch(made):
    found = ends(made())
    assert set(found) == {f"{name}_{end}" for name in ("ce", "ca", "cd") for end in ("first", "last")}
    for name in ("ce", "ca", "cd"):
        index = NAMES.index(f"test_{name}")
        assert (found[f"{name}_first"], found[f"{name}_last"]) == (10.0 * index, 20.0 * index)
    failed = ends(made(status="diverged"))
    assert failed.keys() == found.keys()
    assert all(math.isnan(one) for one in failed.values())


def test_settings_in_words():
    assert setting_name("relu_100") == "β = 100, ReLU"
    assert setting_name("offset_3") == "β = 3, 1 + M"
    assert setting_name("cd_relu_0.3_others_1") == "cd, β = 0.3, ReLU, others pushed"


def test_curves_are_drawn_over_whole_epochs_and_nothing_is_drawn_of_nothing():
    rows = [(e, "accuracy", s, 0, 0.1 * e) for e in (1, 2, 3) for s in ("train", "test")]
    long = pd.DataFrame(rows, columns=["epoch", "panel", "split", "seed", "value"])
    figure = drawn(long, CURVES)
    assert figure is not None
    assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())
    # the theme, where another test has applied it, moves titles to the left
    assert "accuracy" in {figure.axes[0].get_title(loc) for loc in ("left", "center")}
    plt.close(figure)
    assert drawn(long.iloc[:0], CURVES) is None
