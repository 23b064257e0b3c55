import math

import numpy as np
import pandas as pd
import pytest

from cam_entropy.sample import ROWS, characteristics, choose, panels, table

SHOWN = ["none", "relu_100", "shifted_3"]
ITEMS = np.array([0, 2, 3, 5])  # items of the crops, one a picture
CLASSES = np.array([0, 0, 1, 0, 1, 1])
LIVE, DEAD = np.array([[1.0, 3.0], [-1.0, 0.0]]), np.array([[-1.0, -3.0], [-1.0, 0.0]])
RIGHT = CLASSES[ITEMS]


@pytest.fixture
def crops(hand_split):
    found = hand_split(CLASSES.tolist(), names=("cat", "dog"))
    found.images[:] = np.arange(6)[:, None, None, None]
    return found


@pytest.fixture
def made(entropy_record):
    def make(beta, right, live, form="relu", status="ok", **fields):
        """A model that classifies the pictures of ``right`` correctly and has live maps for those of ``live``."""
        chosen = np.where(np.isin(np.arange(4), right), RIGHT, 1 - RIGHT)
        maps = (
            np.where(np.isin(np.arange(4), live)[:, None, None], LIVE, DEAD)
            * (1 + np.arange(4))[:, None, None]
        )
        logits = np.eye(2)[chosen] * (2 + beta)
        arrays = {"maps": maps, "logits": logits, "items": ITEMS}
        return entropy_record({}, arrays if status == "ok" else {}, status, beta=beta, form=form, **fields)

    return make


def test_the_first_picture_that_both_classify_correctly_with_live_maps(made, crops):
    records = [
        made(0.0, right=[1, 2, 3], live=[0, 2, 3]),  # 1 is right but dead
        made(100.0, right=[2, 3], live=[1, 3]),  # 2 is right but dead
        made(3.0, right=[], live=[], form="shifted"),  # need not be right
    ]
    sample = choose(records, crops, SHOWN)
    assert sample is not None
    assert sample.crop.shape == (64, 64, 3)
    assert (sample.crop == 5).all()  # picture 3 is item 5
    assert (sample.label, sample.target) == ("dog", 1)
    assert list(sample.maps) == list(sample.logits) == SHOWN
    np.testing.assert_array_equal(sample.maps["none"], 4 * LIVE)
    np.testing.assert_array_equal(sample.maps["shifted_3"], 4 * DEAD)
    np.testing.assert_array_equal(sample.logits["relu_100"], [0, 102])
    assert sample.chosen == "the first test picture that both classify correctly with a live map"


def test_where_no_map_of_beta_100_lives_beta_0_chooses(made, crops):
    sample = choose([made(0.0, [1, 2], [1, 2]), made(100.0, [0, 1, 2, 3], [])], crops, SHOWN)
    assert sample is not None
    assert (sample.crop == 2).all()
    assert "at β = 100 there is none" in sample.chosen


def test_only_seed_0_of_the_main_arm_that_ended_well_is_shown(made, crops):
    plain = made(0.0, [0], [0])
    rest = [
        made(100.0, [0], [0], seed=1),
        made(100.0, [0], [0], arm="deeper"),
        made(100.0, [0], [0], status="diverged"),
        made(0.3, [0], [0]),  # not asked for
    ]
    sample = choose([*rest, plain], crops, SHOWN)
    assert sample is not None
    assert list(sample.maps) == ["none"]


def test_no_sample_without_a_good_picture_or_without_beta_0(made, crops):
    assert choose([made(0.0, [0], [1]), made(100.0, [0, 1], [0, 1])], crops, SHOWN) is None
    assert choose([made(100.0, [0, 1], [0, 1])], crops, SHOWN) is None
    assert choose([], crops, SHOWN) is None


def test_panels_scale_each_map_above_and_all_alike_below(made, crops):
    sample = choose(
        [made(0.0, [0], [0]), made(100.0, [0], [0]), made(3.0, [0], [], form="shifted")], crops, SHOWN
    )
    assert sample is not None
    sample.maps["relu_100"] = np.array([[4.0, 6.0], [5.0, 4.0]])
    found = panels(sample)
    assert found["columns"] == 3
    assert len(found["images"]) == len(found["maps"]) == len(found["titles"]) == 6
    above, below = found["maps"][:3], found["maps"][3:]
    np.testing.assert_allclose(above[0], [[1 / 3, 1], [0, 0]])  # relu: 1 3 0 0
    np.testing.assert_allclose(above[1], [[0, 1], [0.5, 0]])
    np.testing.assert_allclose(below[0], [[1 / 6, 0.5], [0, 0]])  # over the largest value shown, 6
    np.testing.assert_allclose(below[1], [[4 / 6, 1], [5 / 6, 4 / 6]])
    assert not above[2].any()
    assert not below[2].any()
    assert [title.endswith("(dead)") for title in found["titles"]] == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert found["titles"][1].startswith("β = 100")


def test_a_constant_live_map_and_a_sample_of_dead_maps_divide_by_nothing(made, crops):
    sample = choose([made(0.0, [0], [0])], crops, SHOWN)
    assert sample is not None
    sample.maps["none"] = np.full((2, 2), 2.0)
    assert np.isfinite(panels(sample)["maps"]).all()
    sample.maps["none"] = DEAD
    assert not panels(sample)["maps"].any()


def test_characteristics_by_hand():
    found = characteristics(np.array([1.0, 3.0, -2.0]), 1, np.array([[1.0, 1.0], [1.0, 3.0]]))
    assert found.keys() == ROWS.keys()
    assert found["true_probability"] == pytest.approx(math.exp(3) / (math.exp(3) + math.e + math.exp(-2)))
    assert (found["max_logit"], found["min_logit"]) == (3, -2)
    assert (found["max_map"], found["min_map"]) == (3, 1)
    assert found["relative_difference"] == 2
    assert found["spread"] == pytest.approx(2 / 1.5)
    assert found["ce"] == pytest.approx(0.5 * math.log(6) + 0.5 * math.log(2))
    assert found["ce_norm"] == pytest.approx(found["ce"] / math.log(4))
    assert found["cd"] == pytest.approx(found["cv"] ** 2) == pytest.approx(1 / 3)


def test_characteristics_of_maps_with_a_zero_and_of_dead_ones():
    logits = np.zeros(2)
    assert math.isnan(characteristics(logits, 0, LIVE)["relative_difference"])  # a cell of zero
    assert characteristics(logits, 0, LIVE)["min_map"] == 0
    dead = characteristics(logits, 0, DEAD)
    assert (dead["max_map"], dead["true_probability"]) == (0, 0.5)
    names = ("ce", "ce_norm", "ca", "cd", "cv", "relative_difference", "spread")
    assert all(math.isnan(dead[name]) for name in names)


@pytest.fixture
def frame():
    rows = [
        {
            **{"arm": arm, "status": status, "setting": setting, "without_zero_share": value < 5},
            **dict.fromkeys(ROWS, value),
        }
        for arm, status, setting, value in (
            ("main", "ok", "none", 1.0),
            ("main", "ok", "none", 3.0),
            ("main", "diverged", "none", 100.0),
            ("deeper", "ok", "none", 100.0),
            ("main", "ok", "relu_100", 5.0),
        )
    ]
    return pd.DataFrame(rows)


PRINTED = {
    "class_probability": {"beta0": 0.999, "beta100": 0.998, "decimals": 3},
    "cd": {"beta0": 0.077, "beta100": 0.257, "decimals": 3},
}


def test_table_one_has_the_printed_the_sample_and_the_means(made, crops, frame):
    sample = choose([made(0.0, [0], [0]), made(100.0, [0], [0])], crops, SHOWN)
    found = table(sample, frame, PRINTED, SHOWN)
    assert list(found) == [
        "quantity",
        "paper, β = 0",
        "paper, β = 100, ReLU",
        "sample, β = 0",
        "sample, β = 100, ReLU",
        "mean, β = 0",
        "mean, β = 100, ReLU",
    ]
    assert found["quantity"].tolist() == list(ROWS.values())
    rows = found.set_index("quantity")
    assert rows.loc["class probability", "paper, β = 100, ReLU"] == 0.998
    assert rows.loc[ROWS["cd"], "paper, β = 0"] == 0.077
    assert math.isnan(rows.loc[ROWS["cv"], "paper, β = 0"])  # not printed
    assert rows.loc["max GradCAM", "sample, β = 0"] == 3
    assert (rows["mean, β = 0"] == 2).all()
    few = rows["mean, β = 100, ReLU"]  # most of its maps have a zero
    assert math.isnan(few.pop(ROWS["relative_difference"]))
    assert (few == 5).all()


def test_table_one_without_a_sample(frame):
    found = table(None, frame, PRINTED, SHOWN)
    assert not [name for name in found if name.startswith("sample")]
    assert len(found) == len(ROWS)
