import pytest

from heatmap_loss import estimate as heatmap_loss_estimate

PARAMETERS = {
    "device": "cpu",
    "experiments": [1, 2],
    "arms": ["main"],
    "seeds": 2,
    "variant_seeds": 1,
    "train_slices": 160,
    "val_slices": 32,
    "test_slices": 32,
    "model": "small_vgg",
    "weights": "random",
    "epochs": 5,
    "batch_size": 16,
    "jobs": 1,
    "authors_lr_factor": 30.0,
    "authors_epoch_factor": 6,
    "mixed": False,
}


def test_time_is_steps_times_measured_seconds(monkeypatch):
    monkeypatch.setattr(heatmap_loss_estimate, "_seconds_a_step", lambda run, samples, batch: 0.3)
    found = heatmap_loss_estimate.estimate(PARAMETERS)
    steps, forward = 10 * 5, 5 * 32 / 16 / 3  # a model; a third of a step a pass over the test slices
    assert found["seconds"] == pytest.approx(12 * 0.3 * (steps + forward))
    assert found["how"].startswith("12 models, 1 at once on cpu")
    assert found["how"].endswith("; GPU hours unknown, none was timed")
    assert heatmap_loss_estimate.estimate({**PARAMETERS, "jobs": 3})["seconds"] == pytest.approx(
        found["seconds"] / 3
    )
    assert found["disk_bytes"] == 2 * 224 * 4_000 + 12 * 65_000


def test_measured_and_growing_with_the_work():
    small = heatmap_loss_estimate.estimate(PARAMETERS)
    large = heatmap_loss_estimate.estimate({**PARAMETERS, "train_slices": 16_000})
    assert 0 < small["seconds"] < large["seconds"] / 5
    assert large["memory_bytes"] > 16_000 * 105 * 135 * 4
