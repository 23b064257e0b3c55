"""The costs of the Sibnet notebook are what its own code takes, multiplied by what is to be done."""

from collections import Counter
from typing import Any

import pytest

from data_gen import chest
from sibnet_calibration import estimate as module
from sibnet_calibration import timing
from sibnet_calibration.estimate import BYTES_PER_RECORD, STATE, estimate, jobs_of
from sibnet_calibration.timing import Front, Network, Step

TINY: dict[str, Any] = {
    **{"profile": "tiny", "device": "cpu", "jobs": 1, "data_root": "", "arms": ["losses"]},
    **{"quick_rows": True, "seeds": 2, "variant_seeds": 1, "train_images": 100, "valid_images": 90},
    **{"data_seed": 0, "rare_odds": 0.25, "picture_side": 64, "side": 64, "uncertain": "report"},
    **{"calibration": "valid", "calibration_share": 0.3333, "views": "frontal"},
    **{"backbone": "efficientnet_lite0", "weights": "packaged", "last_stage": "blocks_4"},
    **{"train_from": "blocks_4", "epochs": 4, "saliency_epochs": 6, "long_epochs": 10, "batch_size": 8},
    **{"learning_rate": 3e-4, "weight_decay": 1e-5, "pesg_rate": 1.0, "gamma": 2.0, "margin": 1.0},
    **{"distinct": 1.4, "coherent": 30.0, "share": 0.25, "distincts": [0.1], "coherents": [3.0]},
    **{"rates": [1e-4], "dropouts": [0.5], "mimo": [2], "repetition": 2, "backbones": ["random"]},
    "mixed": False,
}
STEP, TERMS, PREDICT, WHOLE, SCORES, FRONT = 0.01, 0.05, 0.002, 0.003, 0.02, 0.004
DRAW, RESIZE, FITTED = 0.07, 0.005, 0.3
CELLS, SAVED, PARAMETERS = 16, 1_000_000, 100_000
TRAIN, VAL, TEST, CLASSES = 100, 30, 60, 5
EPOCH = TRAIN * STEP + VAL * PREDICT
MEASURED = 190 * PREDICT + TEST * (PREDICT + WHOLE + SCORES)
ONE = 4 * EPOCH + MEASURED
"""Of a model of the arm "losses"."""
MADE = 190 * (DRAW + RESIZE)


@pytest.fixture
def known_speed(monkeypatch):
    """Timings that are given instead of taken; terms on the maps take five times as long."""

    def step(run, classes, side, device):
        terms = run.distinct or run.coherent
        return Step(TERMS if terms else STEP, SAVED * run.inputs)

    def network(run, classes, side, device):
        maps = run.inputs == 1
        return Network(PREDICT, WHOLE, SCORES * maps, PARAMETERS, CELLS * maps)

    def stand_in(parameters, side, share, folder):
        return module.Amounts(TRAIN, VAL, TEST, CLASSES, DRAW, RESIZE, 5_000.0)

    monkeypatch.setattr(timing, "step", step)
    monkeypatch.setattr(timing, "network", network)
    monkeypatch.setattr(
        timing, "front", lambda run, *_: Front(FRONT, 700) if run.train_from else Front(0.0, 0)
    )
    monkeypatch.setattr(timing, "calibration", lambda classes, count: FITTED)
    monkeypatch.setattr(module, "_stand_in", stand_in)
    monkeypatch.setattr(module, "peak_bytes", lambda: 10**8)


@pytest.mark.usefixtures("known_speed")
def test_time_is_what_is_to_be_done_times_what_it_takes():
    found = estimate(TINY)
    assert found["arms"] == {"losses": pytest.approx(6 * ONE)}
    assert found["seconds"] == pytest.approx(6 * ONE + MADE + 190 * FRONT + 6 * FITTED)
    assert found["how"].startswith("6 models, 1 at once on cpu: losses ")
    assert "100 training, 30 calibration and 60 test images" in found["how"]
    assert found["how"].endswith("GPU hours unknown, none was timed")


@pytest.mark.usefixtures("known_speed")
def test_jobs_share_the_models_but_the_last_model_is_not_divided():
    once = MADE + 190 * FRONT
    assert estimate({**TINY, "jobs": 3})["seconds"] == pytest.approx(6 * ONE / 3 + once / 3 + 6 * FITTED)
    assert estimate({**TINY, "jobs": 50})["seconds"] == pytest.approx(ONE + once / 50 + 6 * FITTED)


@pytest.mark.usefixtures("known_speed")
def test_terms_are_paid_in_the_second_stage_alone():
    found = estimate({**TINY, "arms": ["losses", "saliency"], "seeds": 1})
    plain = 6 * EPOCH + MEASURED
    staged = 3 * EPOCH + 3 * (TRAIN * TERMS + VAL * PREDICT) + MEASURED
    assert found["arms"]["saliency"] == pytest.approx(plain + staged)


@pytest.mark.usefixtures("known_speed")
def test_a_mimo_network_takes_fewer_epochs_and_has_no_maps():
    found = estimate({**TINY, "arms": ["losses", "mimo"]})
    mimo = 2 * EPOCH + 190 * PREDICT + TEST * WHOLE
    assert found["arms"]["mimo"] == pytest.approx(ONE + mimo)


@pytest.mark.usefixtures("known_speed")
def test_memory_and_disk_by_hand():
    found = estimate(TINY)
    kept = 8 * SAVED + STATE * PARAMETERS
    assert found["memory_bytes"] == 10**8 + kept
    assert estimate({**TINY, "jobs": 3})["memory_bytes"] == 3 * (10**8 + kept)
    record = BYTES_PER_RECORD + 4 * CLASSES * (190 + TEST) + 2 * CLASSES * CELLS * TEST
    assert found["disk_bytes"] == 190 * (5_000 + 64**2 + 700) + 6 * record
    # two inputs keep twice as much, of half as many images a step
    assert estimate({**TINY, "arms": ["losses", "mimo"]})["memory_bytes"] == 10**8 + kept


@pytest.mark.usefixtures("known_speed")
def test_rarer_findings_are_drawn_and_other_mappings_are_resized_again():
    first, rare, mapped = (
        estimate({**TINY, "arms": ["losses", *more]}) for more in ([], ["imbalance"], ["mapping"])
    )
    record = BYTES_PER_RECORD + 4 * CLASSES * (190 + TEST) + 2 * CLASSES * CELLS * TEST
    drawn = 190 * (5_000 + 64**2 + 700)
    assert rare["disk_bytes"] - first["disk_bytes"] == drawn + 4 * record
    assert mapped["disk_bytes"] - first["disk_bytes"] == 3 * 190 * (64**2 + 700) + 3 * record
    extra = mapped["seconds"] - first["seconds"]
    assert extra == pytest.approx(3 * (190 * (RESIZE + FRONT) + ONE + FITTED))


def test_every_arm_is_counted_on_its_data():
    every = ["losses", "saliency", "mimo", "rates", "backbones", "weights", "imbalance", "mapping"]
    found = jobs_of({**TINY, "arms": every, "quick_rows": False})
    assert Counter(data for data, run in found if run.arm in ("imbalance", "mapping")) == {
        **{"rare": 4, "common": 1, "zeros": 1, "ones": 1}
    }
    counts = Counter(run.arm for _, run in found)
    assert counts == {
        **{"losses": 12, "saliency": 16, "mimo": 2, "rates": 2},
        **{"backbones": 1, "weights": 2, "imbalance": 4, "mapping": 3},
    }
    epochs = {(run.arm, run.epochs) for _, run in found}
    assert {("losses", 4), ("saliency", 6), ("weights", 6), ("rates", 10)} <= epochs
    assert {run.distinct for _, run in found if run.arm == "losses"} == {0.0}
    own = jobs_of({**TINY, "arms": every, "data_root": "/somewhere"})
    assert "rare" not in {data for data, _ in own}


@pytest.mark.parametrize(("calibration", "parts"), [("valid", (100, 30, 60)), ("train", (67, 33, 90))])
def test_stand_ins_are_counted_from_the_parameters(calibration, parts):
    found = module.amounts({**TINY, "calibration": calibration})
    assert (found.train, found.val, found.test) == parts
    assert found.images == 190
    assert min(found.draw, found.resize, found.drawn_bytes) > 0


def test_users_sets_are_counted_from_their_lists(chexpert, tmp_path):
    original = next(chexpert.store.root.parent.glob("chest-chexpert-*"))
    found = module.amounts({**TINY, "data_root": str(original)})
    assert (found.train, found.val, found.test) == (24, 9, 21)
    assert (found.classes, found.draw, found.drawn_bytes) == (5, 0.0, 0.0)
    assert found.resize > 0
    chest.write(tmp_path / "nih", chest.ChestSpec(train_val=12, test=6, seed=1000, side=64))
    nih = module.amounts({**TINY, "data_root": str(tmp_path / "nih")})
    assert (nih.images, nih.test, nih.train + nih.val) == (18, 6, 12)
    assert nih.classes == 14


def test_measured_and_growing_with_the_work(monkeypatch):
    monkeypatch.setattr("pylon.timing.STEPS", 1)
    monkeypatch.setattr(module, "SAMPLE", 2)
    small = estimate(TINY)
    large = estimate({**TINY, "train_images": 10_000, "valid_images": 9_000, "arms": ["losses", "mimo"]})
    assert 0 < small["seconds"] < large["seconds"] / 5
    assert large["disk_bytes"] > 19_000 * 64**2
    assert large["memory_bytes"] > 2**20
