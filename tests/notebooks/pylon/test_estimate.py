"""The costs of the PYLON notebook are what its own code takes, multiplied by what is to be done."""

from pathlib import Path
from typing import Any

import pytest

from data_gen import chest
from pylon import amounts as pylon_amounts
from pylon import arms as pylon_arms
from pylon import estimate as pylon_estimate
from pylon import timing as pylon_timing
from pylon.amounts import Amounts
from pylon.estimate import BYTES_PER_RECORD, LEVELS, STATE, estimate, jobs_of
from pylon.timing import Speed, Stored

TINY: dict[str, Any] = {
    **{"device": "cpu", "jobs": 1, "data_root": "", "vindr_root": "", "voc_root": "", "arms": ["main"]},
    **{
        "seeds": 2,
        "variant_seeds": 1,
        "folds": 0,
        "train_images": 100,
        "test_images": 50,
        "small_images": 40,
    },
    **{"scenes_train": 40, "scenes_test": 20, "data_seed": 1000, "side": 64, "large_side": 128},
    **{"tuned_side": 64, "val_share": 0.2, "backbone": "efficientnet_lite0", "weights": "packaged"},
    **{"width": 32, "phases": ["decoder"], "train_from": 2, "tuned_from": 2, "epochs": 6, "tuned_epochs": 3},
    **{"batch_size": 10, "tuned_batch": 10, "learning_rate": 1e-3, "tuned_rate": 1e-3, "weight_decay": 0.0},
    **{"patience": 1, "every": 1, "policy": "", "mixed": False, "masked": 0},
}
TRAIN, PREDICT, POINT, THROUGH, STORE = 0.01, 0.002, 0.05, 0.003, 0.02
DRAW, RESIZE = 0.07, 0.004
MAIN = ("cam", "fpn", "pylon", "pylon_2up", "pylon_0up")
ONE = 6 * (80 * TRAIN + 20 * PREDICT) + 70 * PREDICT + 50 * POINT  # 80, 20 and 50 images
MADE = 150 * (DRAW + RESIZE)


@pytest.fixture
def known_speed(monkeypatch):
    """Timings that are given instead of taken; a step of everything takes four times as long."""

    def speed(run, phase, classes, side, device):
        more = 4 if phase == "all" else 1
        return Speed(more * TRAIN, PREDICT, POINT, THROUGH if run.masked else 0.0, 1_000_000, 100_000)

    parts = {"nih": (150, 80, 20, 50), "vindr": (40, 28, 4, 8), "voc": (60, 32, 8, 20)}
    monkeypatch.setattr(pylon_timing, "speed", speed)
    monkeypatch.setattr(pylon_timing, "stored", lambda run, stages, side, device: Stored(STORE, 1_000, 700))
    monkeypatch.setattr(
        pylon_estimate,
        "amounts",
        lambda name, parameters, side: Amounts(
            *parts[name], parts[name][-1], 14, 3 if name == "voc" else 1, name, DRAW, RESIZE, 5_000.0
        ),
    )
    monkeypatch.setattr(pylon_estimate, "peak_bytes", lambda: 10**8)


@pytest.mark.usefixtures("known_speed")
def test_time_is_what_is_to_be_done_times_what_it_takes():
    found = estimate(TINY)
    assert found["seconds"] == pytest.approx(10 * ONE + 150 * STORE + MADE)
    assert found["arms"] == {"main": pytest.approx(10 * ONE)}
    assert found["how"].startswith("10 models, 1 at once on cpu: main ")
    assert "images 150 nih" in found["how"]
    assert found["how"].endswith("GPU hours unknown, none was timed")


@pytest.mark.usefixtures("known_speed")
def test_jobs_share_the_models_but_the_last_model_is_not_divided():
    found = estimate({**TINY, "jobs": 4})
    assert found["seconds"] == pytest.approx(10 * ONE / 4 + (150 * STORE + MADE) / 4)
    assert estimate({**TINY, "jobs": 50})["seconds"] == pytest.approx(ONE + (150 * STORE + MADE) / 50)


@pytest.mark.usefixtures("known_speed")
def test_two_phases_checks_and_masked_pairs():
    found = estimate({**TINY, "phases": ["decoder", "all"], "every": 4, "masked": 5})
    phases = 6 * 80 * 5 * TRAIN + 2 * 2 * 20 * PREDICT  # a check after epochs 4 and 6
    measured = 70 * PREDICT + 50 * POINT + 5 * LEVELS * THROUGH
    stores = 2 * 150 * STORE  # of all four stages, and of the two that phase "all" reads
    assert found["seconds"] == pytest.approx(10 * (phases + measured) + stores + MADE)


@pytest.mark.usefixtures("known_speed")
def test_folds_take_the_place_of_the_splits():
    found = estimate({**TINY, "folds": 5})
    one = 6 * (90 * TRAIN + 30 * PREDICT) + 60 * PREDICT + 30 * POINT
    assert found["arms"] == {"main": pytest.approx(5 * 10 * one)}


@pytest.mark.usefixtures("known_speed")
def test_memory_and_disk_by_hand():
    found = estimate(TINY)
    kept = 10 * 1_000_000 + STATE * 100_000
    assert found["memory_bytes"] == 10**8 + kept
    assert estimate({**TINY, "jobs": 3})["memory_bytes"] == 3 * (10**8 + kept)
    cells = {"cam": 4 * 2**2, "fpn": 16**2, "pylon": 16**2, "pylon_2up": 8**2, "pylon_0up": 2**2}
    shown = 2 * sum(
        2 * 24 * 14 * values for values in cells.values()
    )  # two seeds, half precision; cam has four maps
    records = shown + 10 * (BYTES_PER_RECORD + 4 * 50 * 14)
    assert found["disk_bytes"] == 150 * (5_000 + 64**2) + 150 * 1_000 + records
    assert (
        estimate({**TINY, "standardise": False})["disk_bytes"] == found["disk_bytes"]
    )  # phase decoder reads all


@pytest.mark.usefixtures("known_speed")
def test_without_stored_stages_there_are_none_to_pay():
    trained = {**TINY, "phases": ["all"], "train_from": 0}
    with_statistics, without = estimate(trained), estimate({**trained, "standardise": False})
    assert with_statistics["disk_bytes"] - without["disk_bytes"] == 150 * 1_000
    assert with_statistics["seconds"] - without["seconds"] == pytest.approx(150 * STORE)


@pytest.mark.usefixtures("known_speed")
def test_every_arm_is_counted_on_its_set_and_side():
    arms = ["main", "others", "large", "parts", "pools", "backbone", "transfer", "voc"]
    found = estimate({**TINY, "arms": arms})
    assert list(found["arms"]) == [*arms[:-2], "source", "transfer", "voc"]
    jobs = jobs_of({**TINY, "arms": arms})
    of = {arm: [job for job in jobs if job.run.arm == arm] for arm in found["arms"]}
    counts = {arm: len(one) for arm, one in of.items()}
    # two seeds of main and of PAN with and without pools; transfer: four methods without, then 2, 2 and 3 ways
    assert counts == {
        **{
            "main": 2 * len(MAIN),
            "others": 1 + len(pylon_arms.OTHERS),
            "large": 4,
            "parts": len(pylon_arms.PARTS),
        },
        **{
            "pools": 1 + len(pylon_arms.POOLS_AND_NORMS),
            "backbone": 3,
            "source": 3,
            "transfer": 4 + 7,
            "voc": 7,
        },
    }
    assert {(job.data, job.side) for job in of["large"]} == {("nih", 128)}
    assert {(job.data, job.side) for job in of["transfer"]} == {("vindr", 64)}
    assert {job.data for job in of["voc"]} == {"voc"}
    assert {job.run.epochs for job in of["source"]} == {6}
    assert {(job.run.epochs, job.run.train_from) for job in of["transfer"]} == {(3, 2)}
    assert found["how"].startswith(f"{sum(counts.values())} models")


def test_a_users_set_is_counted_from_its_lists(tmp_path: Path):
    chest.write(tmp_path / "nih", chest.ChestSpec(train_val=12, test=6, seed=1000, side=64))
    parameters = {**TINY, "data_root": str(tmp_path / "nih")}
    found = pylon_amounts.amounts("nih", parameters, 64)
    assert (found.images, found.test) == (18, 6)
    assert found.train + found.val == 12
    assert 0 < found.boxed <= 6
    assert (found.classes, found.draw, found.drawn_bytes) == (14, 0.0, 0.0)
    assert found.resize > 0


@pytest.mark.parametrize(
    ("name", "parts"), [("nih", (80, 20, 50)), ("vindr", (28, 4, 8)), ("voc", (32, 8, 20))]
)
def test_stand_ins_are_counted_from_the_parameters(name, parts, monkeypatch):
    monkeypatch.setattr(pylon_amounts, "SAMPLE", 2)
    found = pylon_amounts.amounts(name, TINY, 64)
    assert (found.train, found.val, found.test) == parts
    assert found.images == sum(parts)
    assert min(found.draw, found.resize, found.drawn_bytes) > 0


def test_measured_and_growing_with_the_work(monkeypatch):
    monkeypatch.setattr(pylon_timing, "STEPS", 1)
    monkeypatch.setattr(pylon_amounts, "SAMPLE", 2)
    some = {**TINY, "backbone": "resnet18", "weights": "random", "masked": 2}
    small = estimate(some)
    large = estimate({**some, "train_images": 10_000, "test_images": 5_000})
    assert 0 < small["seconds"] < large["seconds"] / 5
    assert large["disk_bytes"] > 15_000 * 64**2
    assert large["memory_bytes"] > 2**20
