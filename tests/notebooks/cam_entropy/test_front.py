import numpy as np
import pandas as pd
import pytest

from cam_entropy.front import (
    AT_ZERO,
    BETTER_PANELS_OF,
    FORMS,
    FRONT_PANELS,
    better_long,
    front,
    over_beta,
    t_interval,
)


@pytest.fixture
def frame():
    columns = "arm status beta form seed test_accuracy ce_norm dead_share"
    rows = [
        ("main", "ok", 0.0, "relu", 0, 0.9, 0.8, 0.0),
        ("main", "ok", 0.3, "relu", 0, 0.8, 0.5, 0.1),
        ("front", "ok", 1.0, "shifted", 0, 0.7, 0.4, 0.2),
        ("main", "ok", 100.0, "relu", 0, 0.6, np.nan, 1.0),  # every map is dead
        ("main", "diverged", 3.0, "relu", 0, np.nan, np.nan, np.nan),
        ("deeper", "ok", 0.0, "relu", 0, 0.5, 0.9, 0.0),
    ]
    found = pd.DataFrame(rows, columns=columns.split())
    for number, name in enumerate(BETTER_PANELS_OF):
        found[name] = 0.01 * number + found.index
    return found


def test_beta_zero_stands_in_both_forms_at_the_edge(frame):
    long = over_beta(frame)
    assert len(long) == (4 + 1) * len(FRONT_PANELS)
    accuracy = long[long["panel"] == "test accuracy"]
    zero = accuracy[accuracy["beta"] == AT_ZERO]
    assert set(zero["form"]) == {FORMS["relu"], FORMS["shifted"]}
    assert zero["value"].tolist() == [0.9, 0.9]
    assert sorted(accuracy["beta"]) == [AT_ZERO, AT_ZERO, 0.3, 1.0, 100.0]
    assert accuracy.loc[accuracy["beta"] == 1.0, "form"].item() == FORMS["shifted"]


def test_the_edge_lies_left_of_every_beta_trained():
    from cam_entropy.arms import Grid

    grid = Grid()
    betas = {*grid.betas, *grid.shifted_betas, *grid.front_betas}
    assert min(betas - {0.0}) / 2 > AT_ZERO


def test_better_maps_leave_out_models_without_a_live_map(frame):
    long = better_long(frame)
    assert len(long) == 3 * len(BETTER_PANELS_OF)
    assert set(long["form"]) == {"β = 0", FORMS["relu"], FORMS["shifted"]}
    assert set(long["panel"]) == set(BETTER_PANELS_OF.values())
    part = long[long["panel"] == "heat on the deciding part"].sort_values("ce_norm")
    column = list(BETTER_PANELS_OF).index("part_mass")
    assert part["value"].tolist() == pytest.approx([2 + 0.01 * column, 1 + 0.01 * column, 0.01 * column])
    assert part["ce_norm"].tolist() == [0.4, 0.5, 0.8]


def test_panels_that_the_data_lack_are_left_out(frame):
    long = better_long(frame.assign(part_mass=np.nan, part_pointing=np.nan))
    assert set(long["panel"]) == {"heat on the object", "points into a box, scenes"}


def test_the_frame_is_left_as_it_was(frame):
    before = frame.copy()
    over_beta(frame)
    better_long(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_the_front_has_a_point_a_setting(frame):
    points = front(frame)
    assert (
        len(points)
        == frame[frame["status"].eq("ok") & frame["arm"].isin(["main", "front"])]
        .groupby(["form", "beta"])
        .ngroups
    )
    assert set(points["form"]) == {"β = 0", FORMS["relu"], FORMS["shifted"]}
    row = points[(points["form"] == FORMS["shifted"]) & (points["beta"] == 1.0)]
    chosen = frame[(frame["form"] == "shifted") & (frame["beta"] == 1.0)]
    assert row["test accuracy"].item() == pytest.approx(chosen["test_accuracy"].mean())


def test_the_interval_is_student_s():
    # n = 3, mean 2, sd 1: 2 ± 4.3027 / sqrt 3
    low, high = t_interval(pd.Series([1.0, 2.0, 3.0]))
    assert (low, high) == (pytest.approx(2 - 2.48414, abs=1e-4), pytest.approx(2 + 2.48414, abs=1e-4))
    assert t_interval(pd.Series([0.5, 0.5])) == (0.5, 0.5)
    assert t_interval(pd.Series([0.5, np.nan])) == (0.5, 0.5)
    assert all(np.isnan(t_interval(pd.Series([np.nan]))))
