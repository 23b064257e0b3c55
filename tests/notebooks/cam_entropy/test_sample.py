import math

import numpy as np
import pandas as pd
import pytest

from cam_entropy import sample
from cam_entropy.sample import ROWS, characteristics, choose, table

SHOWN = ["none", "relu_100", "shifted_3"]
ITEMS = np.array([0, 2, 3, 5])  # items of the crops, one a picture
CLASSES = np.array([0, 0, 1, 0, 1, 1])
LIVE, DEAD = np.array([[1.0, 3.0], [-1.0, 0.0]]), np.array([[-1.0, -3.0], [-1.0, 0.0]])


@pytest.fixture
def crops(hand_split):
    found = hand_split(CLASSES.tolist(), names=("cat", "dog"))
    found.images[:] = np.arange(6)[:, None, None, None]
    return found


@pytest.fixture
def made(entropy_record):
    def make(beta, right, live, form="relu", **fields):
        """A model that classifies the pictures of ``right`` correctly and has live maps for those of ``live``."""
        truth, pictures = CLASSES[ITEMS], np.arange(4)
        chosen = np.where(np.isin(pictures, right), truth, 1 - truth)
        maps = np.where(np.isin(pictures, live)[:, None, None], LIVE, DEAD) * (1 + pictures)[:, None, None]
        arrays = {"maps": maps, "logits": np.eye(2)[chosen] * (2 + beta), "items": ITEMS}
        return entropy_record({}, arrays, beta=beta, form=form, **fields)

    return make


def test_the_first_picture_that_both_classify_correctly_with_live_maps(made, crops):
    records = [
        made(0.0, right=[1, 2, 3], live=[0, 2, 3]),  # 1 is right but dead
        made(100.0, right=[2, 3], live=[1, 3]),  # 2 is right but dead
        made(3.0, right=[], live=[], form="shifted"),  # need not be right
        made(100.0, right=[0], live=[0], seed=1),
        made(0.0, right=[0], live=[0], arm="deeper"),
    ]
    found = choose(records, crops, SHOWN)
    assert (found.crop == 5).all()  # picture 3 is item 5
    assert (found.label, found.target) == ("dog", 1)
    assert list(found.maps) == list(found.logits) == SHOWN
    np.testing.assert_array_equal(found.maps["none"], 4 * LIVE)
    np.testing.assert_array_equal(found.logits["relu_100"], [0, 102])
    # Where no map of β = 100 lives, β = 0 chooses; without it, or without a good picture, there is no sample.
    alone = choose([made(0.0, [1, 2], [1, 2]), made(100.0, [0, 1, 2, 3], [])], crops, SHOWN)
    assert (alone.crop == 2).all()
    assert "at β = 100 there is none" in alone.chosen
    assert choose([made(0.0, [0], [1]), made(100.0, [0, 1], [0, 1])], crops, SHOWN) is None
    assert choose([made(100.0, [0, 1], [0, 1])], crops, SHOWN) is None


def test_table_one_has_the_printed_the_sample_and_the_means(made, crops):
    one = characteristics(np.array([1.0, 3.0, -2.0]), 1, np.array([[1.0, 1.0], [1.0, 3.0]]))
    assert one["true_probability"] == pytest.approx(math.exp(3) / (math.exp(1) + math.exp(3) + math.exp(-2)))
    assert [one[name] for name in ("max_logit", "min_logit", "max_map", "min_map")] == [3, -2, 3, 1]
    assert (one["relative_difference"], one["cd"]) == (2, pytest.approx(1 / 3))  # mean 1.5, variance .75
    dead = characteristics(np.array([1.0, 3.0, -2.0]), 1, DEAD)
    assert (dead["max_map"], math.isnan(dead["ce"])) == (0, True)

    rows = [("none", 1.0), ("none", 3.0), ("relu_100", 5.0)]
    plain = {"status": "ok", "arm": "main", "without_zero_share": 0.4}
    frame = pd.DataFrame([{**plain, "setting": name, **dict.fromkeys(ROWS, value)} for name, value in rows])
    frame.loc[frame["setting"] == "none", "without_zero_share"] = 1.0
    printed = {
        "class_probability": {"beta0": 0.999, "beta100": 0.998},
        "cd": {"beta0": 0.077, "beta100": 0.257},
    }
    found = choose([made(0.0, [0], [0]), made(100.0, [0], [0])], crops, SHOWN)
    both = table(found, frame, printed, SHOWN).set_index("quantity")
    settings = ("β = 0", "β = 100, ReLU")
    assert list(both) == [f"{kind}, {name}" for kind in ("paper", "sample", "mean") for name in settings]
    assert both.loc["class probability", "paper, β = 100, ReLU"] == 0.998
    assert both.loc[sample.ROWS["cd"], "paper, β = 0"] == 0.077
    assert math.isnan(both.loc[ROWS["cv"], "paper, β = 0"])  # not printed
    assert both.loc["max GradCAM", "sample, β = 0"] == 3
    assert (both["mean, β = 0"] == 2).all()
    few = both["mean, β = 100, ReLU"]  # most of its maps have a zero
    assert math.isnan(few.pop(ROWS["relative_difference"]))
    assert (few == 5).all()
