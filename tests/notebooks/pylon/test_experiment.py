"""One run: what is trained and what stays, phases, sources, and that an interrupted run comes to the same result."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from papers_lib.sweep import RunFailed
from papers_lib.training import loop, plateau
from pylon import experiment
from pylon.data import Inputs, open_images
from pylon.experiment import build, objective_of, run, share_source, start_from
from tests.notebooks.pylon.stores import CLASSES, KEPT, RUN, TEST, TRAIN, context, same

MOVING = ("running_mean", "running_var", "num_batches_tracked")
EARLY = ("network.conv_stem.", "network.bn1.", *(f"network.blocks.{n}." for n in (0, 1, 2)))  # to stride 8
TWO = replace(KEPT, phases=("decoder", "all"), method="cam", batch_size=32)


@pytest.fixture
def go(store, tmp_path):
    """Runs a config: its metrics and arrays."""

    def running(config, name="checkpoint"):
        found = context(store, tmp_path / name)
        return run(config, found), found.arrays

    return running


def moved(config, arrays):
    """Tensors of the encoder that differ from the initial ones, less its standardisation; and all there are."""
    prefix = "weights/encoder."
    before = build(config, len(CLASSES)).encoder.state_dict()
    names = {name for name in before if not name.startswith(("mean_", "std_", "scale."))}
    return {name for name in names if not np.array_equal(arrays[prefix + name], before[name].numpy())}, names


@pytest.mark.parametrize("method", ["cam", "pylon"])
def test_a_run_measures_everything_and_the_same_twice(go, method):
    config = replace(KEPT, method=method, masked=6)
    metrics, arrays = go(config)
    again, others = go(config, "again")
    assert same(metrics, again)
    assert same(arrays, others)
    macro = [f"{name}_macro" for name in ("point", "iou", "auroc", "masked_out")]
    for name in (*macro, "point_weighted", "masked_out_never", *(f"point/{kind}" for kind in CLASSES)):
        assert 0 <= metrics[name] <= 1, name
    assert metrics["masked_out_negative"] < 1
    assert 1 <= metrics["masked_out_passes"] <= metrics["masked_out_calls"] <= 201
    assert metrics["masked_out_all_passes"] == 201
    assert (metrics["train_images"], metrics["epochs_run"]) == (TRAIN, 2)
    assert arrays["test_logits"].shape == (TEST, len(CLASSES))
    assert ("grad_cam.point_macro" in metrics) == (method == "cam")


@pytest.mark.parametrize("method", ["cam", "pylon"])
def test_the_loss_is_binary_cross_entropy_and_its_gradients_are_those_of_a_naive_graph(store, method):
    """In double precision but for the loss itself, and with a last batch of one image, taken twice."""
    images, pixels = open_images(store)
    model = build(replace(RUN, method=method), len(CLASSES)).double().train()
    rows, labels = np.array([3, 7, 1]), images.labels.astype(np.float32)

    class Doubled(Inputs):
        def batch(self, rows, device, generator=None):
            return super().batch(rows, device, generator).double()

    inputs = Doubled(pixels)
    objective = objective_of(inputs, labels, rows, torch.Generator(), "cpu")
    for batch in ([0, 1, 2], [1]):
        chosen = rows[batch] if len(batch) > 1 else rows[[1, 1]]
        y = torch.from_numpy(labels[chosen])
        logits = model(inputs.batch(chosen, "cpu")).maps.flatten(2).max(2).values
        expected = -(y * logsigmoid(logits) + (1 - y) * logsigmoid(-logits)).mean()
        found, _ = objective(model, torch.tensor(batch))
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
        weights = list(model.parameters())
        pairs = (torch.autograd.grad(loss, weights, materialize_grads=True) for loss in (found, expected))
        for own, naive in zip(*pairs, strict=True):  # the loss has single precision: 1e-7 of the gradient
            torch.testing.assert_close(own, naive, rtol=1e-4, atol=1e-5 * float(naive.abs().max()) + 1e-12)


@pytest.mark.parametrize(
    ("change", "trained"),
    [
        ({}, lambda name: False),
        ({"statistics": "moving"}, lambda name: name.endswith(MOVING) and not name.startswith(EARLY)),
        ({"statistics": "moving", "train_from": 0}, lambda name: name.endswith(MOVING)),
        ({"phases": ("all",)}, lambda name: not name.startswith(EARLY)),
        ({"phases": ("all",), "train_from": 0}, lambda name: True),
        ({"phases": ("decoder", "all")}, lambda name: not name.startswith(EARLY)),
    ],
)
def test_what_a_phase_trains(go, tmp_path, change, trained):
    config = replace(KEPT, epochs=1, **change)
    found, every = moved(config, go(config)[1])
    assert found == {name for name in every if trained(name)}
    assert list(tmp_path.iterdir()) == []  # runs too short to be saved


@pytest.mark.parametrize("at", [2, 3, 4])
def test_an_interrupted_run_of_two_phases_goes_on_to_the_same_result(store, go, tmp_path, monkeypatch, at):
    """Checks 1 and 2 are of the first phase; at check 3 the second one has no file yet."""
    whole = go(TWO)
    calls, predict = [], experiment.predict

    def breaking(*args, **options):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return predict(*args, **options)

    surroundings = context(store, tmp_path / "broken" / "checkpoint")
    surroundings.checkpoint.parent.mkdir()
    monkeypatch.setattr(plateau, "train", partial(loop.train, checkpoint_every=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "predict", breaking)
        with pytest.raises(KeyboardInterrupt):
            run(TWO, surroundings)
    files = {path.name for path in surroundings.checkpoint.parent.iterdir()}
    first = {2: "checkpoint.phase0.training"}.get(at, "checkpoint.phase0")
    assert files == {first, *(["checkpoint"] if at == 4 else [])}
    metrics = run(TWO, surroundings)
    assert same(metrics, whole[0])
    assert same(surroundings.arrays, whole[1])


def test_a_run_with_a_source_starts_from_all_but_its_head(go, store):
    _, arrays = go(KEPT)
    share_source(arrays, "first", store)
    config = replace(KEPT, source="first", epochs=1)
    metrics, started = go(config, "second")
    assert metrics["training"] == "transfer_frozen"
    assert metrics["val_loss"] != go(replace(config, source=""), "plain")[0]["val_loss"]
    encoder = [name for name in arrays if name.startswith("weights/encoder.")]
    assert all(np.array_equal(arrays[name], started[name]) for name in encoder)  # frozen
    target = build(replace(KEPT, seed=1), 5)
    head = target.decoder.head.weight.clone()
    start_from(target, store, "first")
    assert torch.equal(target.decoder.head.weight, head)  # another number of classes
    body = "decoder.body.attention.main.0.weight"
    assert np.array_equal(target.state_dict()[body].numpy(), arrays[f"weights/{body}"])
    with pytest.raises(RuntimeError, match="loading state_dict"):  # of another method
        start_from(build(replace(KEPT, method="pylon_small"), 3), store, "first")


def test_a_loss_that_is_not_finite_is_a_recorded_divergence(go):
    with pytest.raises(RunFailed, match="epoch 1 of 2") as caught:
        go(replace(RUN, learning_rate=math.inf, method="cam"))
    assert caught.value.status == "diverged"
