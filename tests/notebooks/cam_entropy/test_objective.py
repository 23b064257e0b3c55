"""The loss of one step: which boxes it is of, its value and the gradient of every parameter."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cam_entropy.experiment import EntropyRun, objective_of
from cam_entropy.split import Split, batch_of, open_split
from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.classifier import PooledClassifier

BASE = EntropyRun(seed=3, beta=0.3)
FORMS = ("relu", "shifted", "offset")


@pytest.fixture(scope="module")
def data(opened):
    return open_split(opened.root, "train", "test_resnet", "random", "", "cpu")


def small_model(seed=0):
    """One convolution to maps of 4 x 4 cells under the head, without batch norm."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = nn.Sequential(nn.Conv2d(3, 8, 16, stride=16), nn.ReLU())
    return PooledClassifier(features, 8, 10, generator=torch.Generator().manual_seed(seed), hidden=12)


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()))


def fake_split(image, cells=2):
    """Features of noise for items of the pictures numbered in ``image``."""
    image = np.asarray(image)
    inputs = np.random.default_rng(0).normal(size=(len(image), 8, cells, cells)).astype(np.float16)
    count = np.bincount(image)
    crops = SimpleNamespace(boxes_of_image=lambda: (np.cumsum(count) - count, count), classes=image % 10)
    return Split(crops, inputs, None)  # type: ignore[arg-type]


def test_boxes_of_a_picture_are_drawn_alike(drawn):
    split = fake_split([0] * 5 + [1] + [2] * 2)
    model = small_model()
    model.features = nn.Sequential(nn.Identity())
    objective = objective_of(BASE, split, torch.Generator().manual_seed(0), "cpu")
    for _ in range(3):
        objective(model, torch.arange(3).repeat(1000))
    counts = np.bincount(np.concatenate(drawn), minlength=8)
    assert counts[5] == 3000
    for boxes in (counts[:5], counts[6:]):
        expected = 3000 / len(boxes)
        # 99.9 % of chi-square with 4 degrees of freedom: 18.5
        assert ((boxes - expected) ** 2 / expected).sum() < 18.5


def test_the_largest_random_number_still_draws_the_last_box():
    """In float32 rand() * count might round up to count, a box of the next picture."""
    largest = torch.rand(1).fill_(1 - 2**-24)
    count = torch.arange(1, 100_000)
    assert torch.equal((largest * count).long(), count - 1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("measure", ["ce", "ca", "cd"])
@pytest.mark.parametrize("others", [0.0, 1.0])
def test_beta_zero_is_an_ordinary_step_whatever_else_is_set(data, drawn, form, measure, others):
    config = replace(BASE, beta=0.0, form=form, measure=measure, others=others)
    model = small_model()
    loss, logs = objective_of(config, data, torch.Generator().manual_seed(1), "cpu")(model, torch.arange(8))
    items = np.array(drawn[0])
    target = torch.from_numpy(data.crops.classes[items])
    logits = model(batch_of(data.inputs, items, "cpu"))
    expected = F.cross_entropy(logits, target)
    torch.testing.assert_close(loss, expected)
    for found, wanted in zip(gradients(model, loss), gradients(model, expected), strict=True):
        torch.testing.assert_close(found, wanted)
    assert float(logs["accuracy"]) == float((logits.argmax(1) == target).float().mean())
    assert config.setting() == "none"


def plain_measure(M, measure):
    """Of one map that is positive somewhere, by loops over cells; as it enters the loss."""
    p = (M / M.sum()).flatten()
    if measure == "ce":
        return -sum(one * one.log() for one in p if one > 0)
    if measure == "cd":
        return -M.var(unbiased=False) / M.mean() ** 2
    at = torch.cartesian_prod(*(torch.arange(float(n)) for n in M.shape))
    centred = at - (p[:, None] * at).sum(0)
    det = torch.linalg.det((p[:, None, None] * centred[:, :, None] * centred[:, None, :]).sum(0))
    return det.sqrt() if det > 1e-6 else torch.zeros(())  # heat on a line: the root has no slope there


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("measure", "others"), [("ce", 0.0), ("ce", 0.7), ("ca", 0.0), ("cd", 0.0)])
def test_the_gradient_of_every_parameter_equals_one_written_by_hand(data, drawn, form, measure, others):
    """Second derivatives through the whole graph, cell by cell; no closed form, no batched measure."""
    config = replace(BASE, beta=2.0, form=form, measure=measure, others=others)
    model = small_model(1)
    loss, logs = objective_of(config, data, torch.Generator().manual_seed(1), "cpu")(model, torch.arange(8))
    items = np.array(drawn[0])
    target = torch.from_numpy(data.crops.classes[items])

    def raw_maps(kind):
        A = model.features(batch_of(data.inputs, items, "cpu"))
        logits, G = head_gradients(model.head, A, kind, create_graph=True)
        return logits, grad_cam(A, G)

    def term(raw):
        M = {"relu": raw.relu(), "shifted": raw - raw.min(), "offset": 1 + raw.relu()}[form]
        return plain_measure(M, measure) if M.max() > 0 else None

    logits, own = raw_maps(target)
    every = [raw_maps(torch.full_like(target, kind))[1] for kind in range(10)]
    total = torch.zeros(())
    for row in range(8):
        value = term(own[row])
        total = total + (0 if value is None else value)
        rest = [term(every[kind][row]) for kind in range(10) if kind != target[row]]
        live = [one for one in rest if one is not None]
        if others and live:
            total = total - others * sum(live) / len(live)
    expected = F.cross_entropy(logits, target) + 2.0 * total / 8
    torch.testing.assert_close(loss, expected)
    for found, wanted in zip(gradients(model, loss), gradients(model, expected), strict=True):
        scale = float(wanted.abs().max())
        assert scale > 1e-4
        torch.testing.assert_close(found / scale, wanted / scale, rtol=1e-3, atol=1e-4)
    # logged is always the map of the true class as printed
    assert float(logs["dead_share"]) == float((own.amax((1, 2)) <= 0).float().mean())


def test_mixed_precision_keeps_the_term_in_full(data):
    model = small_model()
    objective = objective_of(BASE, data, torch.Generator().manual_seed(1), "cpu")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, logs = objective(model, torch.arange(8))
    again = objective_of(BASE, data, torch.Generator().manual_seed(1), "cpu")
    full, _ = again(model, torch.arange(8))
    assert loss.dtype == logs["live_ce"].dtype == torch.float32
    assert loss.detach() != full.detach()  # the convolutions are in bfloat16
    torch.testing.assert_close(loss, full, rtol=2e-2, atol=2e-2)
