from dataclasses import replace

import numpy as np
import pytest
import torch

from heatmap_loss.experiment import HeatmapRun, build, learning_rate, objective_of, run, samples
from papers_lib.sweep.context import Context, RunFailed

BASE = HeatmapRun(experiment=2, group="heatmap", seed=3, epochs=6, lr_low=2e-3, lr_high=4e-3)


@pytest.fixture
def context(slices, tmp_path):
    return Context("cpu", slices[2], tmp_path / "checkpoint")


@pytest.fixture
def trained(context):
    torch.set_num_threads(1)
    return run(BASE, context), context.arrays["maps"]


def test_a_run_measures_everything_and_the_same_twice(trained, context):
    metrics, maps = trained
    again = run(BASE, context)
    assert {k: v for k, v in metrics.items() if v == v} == {k: v for k, v in again.items() if v == v}
    assert maps.shape == (16, 6, 8)
    for name in ("heart_share", "label_share", "test_accuracy", "val_accuracy", "toggle_flips", "dead_share"):
        assert 0 <= metrics[name] <= 1, name
    assert 1 <= metrics["hot_cells"] <= 48
    assert BASE.lr_low <= metrics["learning_rate"] <= BASE.lr_high


def test_groups_of_a_seed_share_initial_weights_and_learning_rate():
    runs = [replace(BASE, group=group) for group in ("cce", "mse", "heatmap")]
    assert len({learning_rate(config) for config in runs}) == 1
    states = [build(config, "cpu").state_dict() for config in runs]
    assert all(torch.equal(states[0][name], state[name]) for state in states for name in states[0])
    assert learning_rate(replace(BASE, seed=4)) != learning_rate(BASE)


def test_learning_rates_are_log_uniform_between_the_bounds():
    rates = np.log(
        [learning_rate(replace(BASE, seed=seed, lr_low=1e-4, lr_high=1e-2)) for seed in range(400)]
    )
    position = (rates - np.log(1e-4)) / (np.log(1e-2) - np.log(1e-4))
    assert 0 <= position.min() < 0.02
    assert 0.98 < position.max() <= 1
    assert abs(position.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 400)


def test_the_term_is_added_with_its_weight(slices):
    """heatmap - mse = weight x term, so twice the weight adds the term once more."""
    data = samples(slices[2], "train", "cpu")
    index = torch.arange(8)
    model = build(BASE, "cpu")
    mse, _ = objective_of(replace(BASE, group="mse"), data)(model, index)
    once, logs = objective_of(BASE, data)(model, index)
    twice, _ = objective_of(replace(BASE, weight=2.0), data)(model, index)
    torch.testing.assert_close(once - mse, logs["heatmap_term"])
    torch.testing.assert_close(twice - mse, 2 * logs["heatmap_term"])
    assert logs["heatmap_term"] > 0


@pytest.mark.parametrize(
    "change",
    [
        {"form": "sum"},
        {"form": "share"},
        {"form": "dice"},
        {"method": "grad_cam"},
        {"target": "true"},
        {"mask": "area"},
    ],
    ids=str,
)
def test_each_variant_changes_the_gradient_of_the_convolutions(slices, change):
    data = samples(slices[2], "train", "cpu")

    def gradient(config):
        model = build(config, "cpu")
        loss, _ = objective_of(config, data)(model, torch.arange(16))
        loss.backward()
        return model.convolutions[1].weight.grad

    assert not torch.allclose(gradient(BASE), gradient(replace(BASE, **change)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("group", ["cce", "mse", "heatmap"])
def test_a_mixed_step_is_near_a_full_one_and_the_term_is_not_rounded(slices, group):
    """Rounding moves the winners of maxima: of the predicted class, which an untrained model hardly prefers, most."""
    data, config = samples(slices[2], "train", "cpu"), replace(BASE, group=group, target="true")

    def step(mixed):
        model = build(config, "cpu")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            loss, logs = objective_of(config, data)(model, torch.arange(32))
        loss.backward()
        return loss, logs, model.convolutions[1].weight.grad.flatten()

    (full, _, wanted), (mixed, logs, found) = step(False), step(True)
    assert torch.nn.functional.cosine_similarity(found, wanted, 0) > 0.98
    assert 0 < abs(mixed - full) < 0.02 * full
    if group == "heatmap":
        assert logs["heatmap_term"].dtype == torch.float32
        assert logs["heatmap_term"] != logs["heatmap_term"].bfloat16()  # more than 8 bits of it


def test_a_mixed_run_trains_as_well(trained, context):
    mixed, (full, _) = run(replace(BASE, mixed=True), context), trained
    assert mixed["train_loss"] == pytest.approx(full["train_loss"], rel=0.2)
    assert mixed["train_loss"] != full["train_loss"]


def test_frozen_convolutions_stay_and_their_cached_features_give_the_same_loss(slices, tmp_path):
    config = replace(BASE, group="cce", train_features=False)
    data = samples(slices[2], "train", "cpu")
    model = build(config, "cpu")
    before = [p.clone() for p in model.convolutions.parameters()]
    frozen, _ = objective_of(config, data)(model, torch.arange(8))
    live, _ = objective_of(replace(config, train_features=True), data)(model, torch.arange(8))
    torch.testing.assert_close(frozen, live)
    frozen.backward()
    assert all(p.grad is None for p in model.convolutions.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, model.convolutions.parameters(), strict=True))


def test_a_model_that_predicts_two_classes_is_a_recorded_collapse(context):
    with pytest.raises(RunFailed, match="of 4 classes") as caught:
        run(replace(BASE, lr_low=1e-9, lr_high=2e-9, epochs=1), context)
    assert caught.value.status == "collapsed"


def test_a_nan_loss_is_a_recorded_divergence(context):
    with pytest.raises(RunFailed, match="epoch") as caught:
        run(replace(BASE, weight=float("inf"), epochs=2), context)
    assert caught.value.status == "diverged"


def test_experiment_one_has_no_label_to_measure(slices, tmp_path):
    config = replace(BASE, experiment=1)
    try:
        metrics = run(config, Context("cpu", slices[1], tmp_path / "checkpoint"))
    except RunFailed:
        pytest.fail("chosen to train on 64 slices; expected metrics")
    assert "label_share" not in metrics
    assert "toggle_change" not in metrics


def test_the_filter_says_why(context, monkeypatch):
    monkeypatch.setattr("heatmap_loss.experiment.KEPT_ABOVE", 1.0)
    metrics = run(BASE, context)
    assert metrics["kept"] is False
    assert "not above 1.0" in metrics["exclusion"]
