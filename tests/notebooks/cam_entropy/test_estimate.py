"""The costs of the CAM-entropy notebook are what its own code takes, multiplied by what is to be done."""

from pathlib import Path
from typing import Any

import pytest

from cam_entropy import estimate as cam_entropy_estimate
from cam_entropy import timing as cam_entropy_timing
from cam_entropy.estimate import estimate
from cam_entropy.timing import Sample, Speed

TINY: dict[str, Any] = {
    **{"device": "cpu", "jobs": 1, "data_root": "", "arms": ["main"], "seeds": 2, "variant_seeds": 1},
    **{"train_scenes": 95, "test_scenes": 30, "data_seed": 0, "side": 64, "scene_side": 0, "whole": False},
    **{"difficult": True, "betas": [0.0, 0.3], "shifted_betas": [3.0], "backbone": "test_resnet"},
    **{"weights": "random", "train_from": "", "epochs": 5, "batch_size": 20, "learning_rate": 1e-3},
    **{"mixed": False, "deletion": 4},
}
STEP, EXPLAIN, MEASURE, FRONT, SCENE_FRONT, DRAW, CUT = 0.3, 0.001, 0.02, 0.002, 0.009, 0.05, 0.01


@pytest.fixture
def known_speed(monkeypatch):
    """Timings that are given instead of taken; a step with the maps of all classes takes twice as long."""
    monkeypatch.setattr(cam_entropy_timing, "sample", lambda *_: Sample({}, DRAW, CUT, 60_000.0))
    monkeypatch.setattr(
        cam_entropy_timing, "step", lambda run, data, device: STEP * (2 if run.others else 1) * (run.beta > 0)
    )

    def speed(run, crops, device):
        frozen = (FRONT, SCENE_FRONT, 1_000, 4_000) if run.train_from else ()
        return None, Speed(EXPLAIN, MEASURE, *frozen)

    monkeypatch.setattr(cam_entropy_timing, "speed", speed)
    monkeypatch.setattr(cam_entropy_estimate, "peak_bytes", lambda device: 10**9)


@pytest.mark.usefixtures("known_speed")
def test_time_is_what_is_to_be_done_times_what_it_takes():
    found = estimate(TINY)
    model = (
        5 * (5 * STEP + 30 * EXPLAIN) + 30 * MEASURE + 2 * 7 * 4 * EXPLAIN
    )  # 95 scenes are 5 batches of 20
    assert found["seconds"] == pytest.approx(6 * model + 125 * (DRAW + CUT))
    assert found["how"].startswith("6 models, 1 at once on cpu; 95 + 30 pictures with 228 + 72 boxes;")
    assert found["how"].endswith("; GPU hours unknown, none was timed")


@pytest.mark.usefixtures("known_speed")
def test_jobs_share_the_models_but_the_last_model_is_not_divided():
    model = 5 * (5 * STEP + 30 * EXPLAIN) + 30 * MEASURE + 2 * 7 * 4 * EXPLAIN
    assert estimate({**TINY, "jobs": 3})["seconds"] == pytest.approx(2 * model + 125 * (DRAW + CUT) / 3)
    assert estimate({**TINY, "jobs": 60})["seconds"] == pytest.approx(model + 125 * (DRAW + CUT) / 60)


@pytest.mark.usefixtures("known_speed")
def test_a_frozen_front_is_passed_once_and_again_under_deletion():
    found = estimate({**TINY, "train_from": "layer4", "scene_side": 128})
    more = 300 * FRONT + 30 * SCENE_FRONT + 6 * 2 * 7 * 4 * FRONT
    assert found["seconds"] - estimate(TINY)["seconds"] == pytest.approx(more)
    pictures = 125 * 60_000 + 3 * (300 * 64**2 + 30 * 128**2) + 300 * 96**2
    records = 6 * cam_entropy_estimate.BYTES_PER_RECORD
    assert found["disk_bytes"] == pictures + 300 * 1_000 + 30 * 4_000 + records


@pytest.mark.usefixtures("known_speed")
def test_every_arm_is_counted():
    arms = ["main", "others", "deeper", "backbone"]
    found = estimate(
        {**TINY, "arms": arms, "backbone": "efficientnet_lite0", "train_from": "blocks_6", "deletion": 0}
    )
    # six of main; two settings of others at twice the step; three settings each of deeper and backbone
    assert found["how"].startswith("14 models")
    steps = 25 * STEP * (6 + 2 * 2 + 3 + 3)
    evaluated = 14 * (5 * 30 * EXPLAIN + 30 * MEASURE)
    fronts = 3 * (300 * FRONT + 30 * SCENE_FRONT)
    assert found["seconds"] == pytest.approx(steps + evaluated + fronts + 125 * (DRAW + CUT))


@pytest.mark.usefixtures("known_speed")
def test_a_users_set_is_counted_from_its_annotations(tmp_path: Path):
    tree(tmp_path, "trainval", [1, 3])
    tree(tmp_path, "test", [2], masked=True)
    parameters = {**TINY, "data_root": str(tmp_path), "deletion": 48}
    found = estimate(parameters)
    model = (
        5 * (1 * STEP + 1 * EXPLAIN) + 1 * MEASURE + 2 * 7 * 1 * EXPLAIN
    )  # one test picture: one item is deleted
    assert found["seconds"] == pytest.approx(6 * model + 3 * CUT)
    assert "2 + 1 pictures with 4 + 2 boxes" in found["how"]
    assert found["disk_bytes"] == 3 * 6 * 64**2 + 2 * 96**2 + 6 * cam_entropy_estimate.BYTES_PER_RECORD
    assert found["memory_bytes"] == 10**9 + 2 * 96**2 * cam_entropy_estimate.BYTES_PER_MASK_CELL
    easy = estimate({**parameters, "difficult": False})
    assert "1 + 1 pictures with 2 + 1 boxes" in easy["how"]  # of every picture the first box is difficult


def tree(root: Path, split: str, boxes: list[int], masked: bool = False) -> None:
    """A list of pictures that hold 1, 3, … boxes, the first of each marked difficult."""
    from PIL import Image

    folder = root / "VOC2012"
    for sub in ("Annotations", "JPEGImages", "SegmentationObject", "ImageSets/Main"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for number, count in enumerate(boxes):
        name = f"{split}_{number}"
        Image.new("RGB", (40, 30)).save(folder / "JPEGImages" / f"{name}.jpg")
        if masked:
            (folder / "SegmentationObject" / f"{name}.png").touch()
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
        objects = "".join(
            f"<object><name>cat</name><difficult>{int(i == 0)}</difficult>{box}</object>"
            for i in range(count)
        )
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    names = "".join(f"{split}_{number}\n" for number in range(len(boxes)))
    (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(names)


def test_measured_and_growing_with_the_work(monkeypatch):
    monkeypatch.setattr(cam_entropy_timing, "STEPS", 2)
    monkeypatch.setattr(cam_entropy_timing, "SAMPLE", 2)
    frozen = {**TINY, "train_from": "layer4", "scene_side": 64, "mixed": True}
    small = estimate(frozen)
    large = estimate({**frozen, "train_scenes": 9_500, "test_scenes": 3_000})
    assert 0 < small["seconds"] < large["seconds"] / 5
    assert large["disk_bytes"] > 12_500 * 2.4 * (3 * 64**2 + 96**2)
    features = 300 * 64 // 16  # at least a channel of 2 x 2 cells of half precision an item
    assert small["disk_bytes"] > 300 * (3 * 64**2 + 96**2) + features
    assert large["memory_bytes"] > small["memory_bytes"] > 10**8


def test_long_actions_are_timed_once(monkeypatch):
    calls = []
    monkeypatch.setattr(cam_entropy_timing, "ENOUGH", 0.0)
    cam_entropy_timing._seconds(lambda: calls.append(1), "cpu")
    assert len(calls) == 1
    monkeypatch.setattr(cam_entropy_timing, "ENOUGH", 60.0)
    cam_entropy_timing._seconds(lambda: calls.append(1), "cpu")
    assert len(calls) == 1 + cam_entropy_timing.STEPS
