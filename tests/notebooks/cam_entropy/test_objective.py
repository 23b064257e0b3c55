"""The loss of one step: which boxes it is of, its value and the gradient of every parameter, in double precision."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cam_entropy import experiment
from cam_entropy.data import batch_of, open_split
from cam_entropy.experiment import EntropyRun, objective_of
from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.classifier import PooledClassifier

BASE = EntropyRun(seed=3, beta=0.3)


@pytest.fixture(scope="module")
def data(opened):
    return open_split(opened.root, "train", "test_resnet", "random", "", "cpu", 1)


@pytest.fixture
def double(monkeypatch):
    """Items of every batch, whose pictures are doubles."""
    items = []

    def recording(inputs, some, device):
        items.append(some)
        return batch_of(inputs, some, device).double()

    monkeypatch.setattr(experiment, "batch_of", recording)
    return items


def small_model(seed=0):
    """One convolution to maps of 4 x 4 cells under the head, without batch norm."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = nn.Sequential(nn.Conv2d(3, 8, 16, stride=16), nn.ReLU())
    return PooledClassifier(features, 8, 10, generator=torch.Generator().manual_seed(seed), hidden=12)


def plain_measure(M, measure):
    """Of one map that is positive somewhere, by loops over cells; as it enters the loss."""
    p = (M / M.sum()).flatten()
    if measure == "ce":
        return -sum(one * one.log() for one in p if one > 0)
    if measure == "cd":
        return -M.var(unbiased=False) / M.mean() ** 2
    at = torch.cartesian_prod(*(torch.arange(float(n)).double() for n in M.shape))
    centred = at - (p[:, None] * at).sum(0)
    det = torch.linalg.det((p[:, None, None] * centred[:, :, None] * centred[:, None, :]).sum(0))
    return det.sqrt() if det > 1e-6 else torch.zeros(())  # heat on a line: the root has no slope there


@pytest.mark.parametrize("form", ["relu", "shifted", "offset"])
@pytest.mark.parametrize(
    ("measure", "others", "beta"),
    [("ce", 0.0, 2.0), ("ce", 0.7, 2.0), ("ca", 0, 2.0), ("cd", 0, 2.0), ("ce", 0, 0)],
)
def test_the_gradient_of_every_parameter_equals_one_written_by_hand(
    data, double, form, measure, others, beta
):
    """Second derivatives through the whole graph, cell by cell; no closed form, no batched measure."""
    config = replace(BASE, beta=beta, form=form, measure=measure, others=others)
    model = small_model(1).double()
    parameters = list(model.parameters())
    loss, logs = objective_of(config, data, torch.Generator().manual_seed(1), "cpu")(model, torch.arange(8))
    (items,) = double
    target = torch.from_numpy(data.crops.classes[items.numpy()])

    def raw_maps(kind):
        A = model.features(batch_of(data.inputs, items, "cpu").double())
        logits, G = head_gradients(model.head, A, kind, create_graph=True)
        return logits, grad_cam(A, G)

    def term(raw):
        M = {"relu": raw.relu(), "shifted": raw - raw.min(), "offset": 1 + raw.relu()}[form]
        return plain_measure(M, measure) if M.max() > 0 else torch.zeros(())

    logits, own = raw_maps(target)
    every = [raw_maps(torch.full_like(target, kind))[1] for kind in range(10)] if others else []
    total = sum(term(one) for one in own)
    for row in range(8 if others else 0):
        rest = [every[kind][row] for kind in range(10) if kind != target[row]]
        live = [term(raw) for raw in rest if form != "relu" or raw.max() > 0]
        total = total - others * sum(live) / max(len(live), 1)
    expected = F.cross_entropy(logits, target) + beta * total / 8
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=0)
    wanted = torch.autograd.grad(expected, parameters)
    for found, one in zip(torch.autograd.grad(loss, parameters), wanted, strict=True):
        torch.testing.assert_close(found, one, rtol=1e-6, atol=1e-9 * float(one.abs().max()))
    # logged is always the map of the true class as printed
    assert float(logs["dead_share"]) == float((own.amax((1, 2)) <= 0).double().mean())
    assert float(logs["accuracy"]) == float((logits.argmax(1) == target).float().mean())
