from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate, one_hot

from heatmap_loss.experiment import (
    HeatmapRun,
    build,
    digits_convolutions,
    learning_rate,
    objective_of,
    run,
    samples,
)
from papers_lib.losses.heatmap import shrink_mask
from papers_lib.models.vgg_cardiac import CardiacClassifier
from papers_lib.sweep import Context, RunFailed

BASE = HeatmapRun(experiment=2, group="heatmap", seed=3, epochs=6, lr_low=2e-3, lr_high=4e-3)


@pytest.fixture
def context(slices, tmp_path):
    torch.set_num_threads(1)
    return Context("cpu", slices[2], tmp_path / "checkpoint")


@pytest.fixture
def data(slices):
    """The training split in double precision."""
    found = samples(slices[2], "train", "cpu")
    left = 1 - found.heart.double()
    outside = {how: shrink_mask(left, CardiacClassifier.map_size, how) for how in ("point", "area")}
    return replace(found, images=found.images.double(), outside=outside)


def naive_loss(config, model, data, index):
    """MSE + weight x term by a second pass of the whole network, with a gradient to the last map."""
    A = model.features(data.images[index])
    A.retain_grad()
    z = model.head(A)
    classes = data.classes[index]
    chosen = classes if config.target == "true" else z.argmax(1)
    (G,) = torch.autograd.grad(z.gather(1, chosen[:, None]).sum(), A, create_graph=True)
    H = (A * G).sum(1) if config.method == "hires_cam" else (A * G.mean((2, 3), keepdim=True)).sum(1)
    outside = 1 - data.heart[index].double()
    size = tuple(H.shape[1:])
    if config.mask == "area":
        M = interpolate(outside[:, None], size, mode="area")[:, 0]
    else:
        M = data.outside["point"][index]
    heat = H.relu() / H.amax((1, 2), keepdim=True).clamp(min=1e-30)
    live = H.amax((1, 2)) > 1e-30
    left = (heat * M).sum((1, 2))
    term = {
        "mean": left / heat[0].numel(),
        "sum": left,
        "share": left / heat.sum((1, 2)).clamp(min=1e-30),
        "dice": 1 - 2 * (heat * (1 - M)).sum((1, 2)) / (heat.sum((1, 2)) + (1 - M).sum((1, 2))),
    }[config.form]
    mse = (one_hot(classes, 4) - z.sigmoid()).square().mean()
    return mse + config.weight * torch.where(live, term, 0.0).mean()


CHANGES = [{"form": "sum"}, {"form": "share"}, {"form": "dice"}, {"method": "grad_cam"}, {"target": "true"}]
CHANGES += [{"mask": "area"}, {"weight": 3.0}]


@pytest.mark.parametrize("change", [{}, *CHANGES], ids=str)
def test_the_gradient_of_every_parameter_equals_that_of_a_full_graph(data, change):
    config, index = replace(BASE, **change), torch.arange(16)
    model = build(config, "cpu").double()
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss, logs = objective_of(config, data)(model, index)
    expected = naive_loss(config, model, data, index)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    wanted = torch.autograd.grad(expected, parameters)
    for found, one in zip(torch.autograd.grad(loss, parameters), wanted, strict=True):
        torch.testing.assert_close(found, one, rtol=1e-6, atol=1e-9 * float(one.abs().max()))
    assert logs["dead_share"] < 1  # else the term would teach nothing


def test_groups_of_a_seed_share_initial_weights_and_learning_rate():
    runs = [replace(BASE, group=group) for group in ("cce", "mse", "heatmap")]
    assert len({learning_rate(config) for config in runs}) == 1
    states = [build(config, "cpu").state_dict() for config in runs]
    assert all(torch.equal(states[0][name], state[name]) for state in states for name in states[0])
    rates = [learning_rate(replace(BASE, seed=seed, lr_low=1e-4, lr_high=1e-2)) for seed in range(400)]
    position = (np.log(rates) - np.log(1e-4)) / np.log(100)  # log-uniform between the bounds
    assert 0 <= position.min() < 0.02 < 0.98 < position.max() <= 1
    assert abs(position.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 400)


def test_pretrained_convolutions_serve_every_run():
    torch.set_num_threads(1)
    fresh = build(BASE, "cpu").convolutions.state_dict()
    stored = digits_convolutions()
    loaded = build(replace(BASE, weights="digits"), "cpu").convolutions.state_dict()
    assert all(torch.equal(loaded[name], stored[name]) for name in stored)
    assert all(not torch.equal(loaded[name], fresh[name]) for name in fresh)


def test_a_run_measures_everything_and_a_collapse_is_recorded(context):
    metrics = run(BASE, context)
    assert context.arrays["maps"].shape == (16, 6, 8)
    for name in ("heart_share", "label_share", "test_accuracy", "val_accuracy", "toggle_flips", "dead_share"):
        assert 0 <= metrics[name] <= 1 or metrics[name] != metrics[name], name
    assert BASE.lr_low <= metrics["learning_rate"] <= BASE.lr_high
    assert metrics["kept"] or metrics["exclusion"]
    with pytest.raises(RunFailed, match=r"predicts [12] of 4 classes") as caught:
        run(replace(BASE, epochs=1, lr_low=1e-12, lr_high=1e-12), context)
    assert caught.value.status == "collapsed"
