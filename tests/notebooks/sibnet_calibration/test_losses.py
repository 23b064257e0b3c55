from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.losses.auc_margin import AucMargin
from papers_lib.losses.class_distinctiveness import class_distinctiveness_loss
from papers_lib.losses.saliency_images import as_images
from papers_lib.losses.spatial_coherence import spatial_coherence
from papers_lib.models.multilabel_classifier import MultilabelClassifier
from sibnet_calibration.experiment import SibnetRun
from sibnet_calibration.losses import SaliencyTerms, label_loss, step_seed

CONFIG = SibnetRun(seed=3, share=1.0, estimator="all")
LABELS = torch.tensor([[1.0, 0], [0, 0], [0, 1], [0, 1]])
"""A quarter and a half of positives."""
SIDE = 16


def model(seed: int = 0) -> MultilabelClassifier:
    """A convolution of stride 4, batch norm and ReLU: maps 4 x 4 of three classes."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = OrderedDict(a=nn.Conv2d(3, 8, 4, 4), b=nn.BatchNorm2d(8), c=nn.ReLU())
    return MultilabelClassifier(
        nn.Sequential(layers), 8, 3, generator=torch.Generator().manual_seed(seed), dropout=0.5
    )


def seen(net: MultilabelClassifier) -> Tensor:
    return net.see(torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))).maps


def test_a_step_s_seed_is_that_of_its_samples_and_of_the_run():
    indices = torch.tensor([3, 1, 2])
    assert step_seed(1, indices) == step_seed(1, indices.clone())
    others = {step_seed(1, torch.tensor([1, 3, 2])), step_seed(2, indices), step_seed(1, indices)}
    assert len(others) == 3
    for seed in (0, 1, 1000):
        torch.Generator().manual_seed(step_seed(seed, indices))  # a seed that torch takes


@pytest.mark.parametrize("name", ["bce", "wbce", "focal", "auc"])
def test_label_losses_by_hand(name):
    logits = torch.tensor([[0.3, -1.0], [0.0, 2.0], [-0.5, 0.1], [1.0, 0.0]])
    found = label_loss(replace(CONFIG, gamma=2.0), name, LABELS)(logits, LABELS).detach()
    p, y = logits.double().sigmoid(), LABELS.double()
    ce = -(y * p.log() + (1 - y) * (1 - p).log())
    if name == "focal":
        expected = ((1 - torch.where(y == 1, p, 1 - p)) ** 2 * ce).mean()
    elif name == "auc":  # a, b and alpha are 0: (1-p) h² for positives, p h² for negatives
        prevalence = torch.tensor([2 / 6, 3 / 6], dtype=torch.float64)
        expected = torch.where(y == 1, 1 - prevalence, prevalence).mul(p.square()).mean()
    elif name == "wbce":
        share = torch.tensor([0.25, 0.5], dtype=torch.float64)
        expected = (torch.where(y == 1, 1 - share, share) * ce).mean()
    else:
        expected = ce.mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_the_auc_loss_is_told_margin_direction_and_smoothed_shares():
    for optimizer in ("adam", "adam_ascending", "pesg"):
        loss = label_loss(replace(CONFIG, loss="auc", optimizer=optimizer, margin=0.7), "auc", LABELS)
        assert isinstance(loss, AucMargin)
        assert (loss.margin, loss.ascend) == (0.7, optimizer == "adam_ascending")
    none = label_loss(CONFIG, "auc", torch.zeros(4, 2))
    assert torch.allclose(none.prevalence, torch.tensor([1 / 6, 1 / 6]))


def test_without_weights_there_are_no_terms():
    assert SaliencyTerms.of(CONFIG, nn.Identity(), SIDE) is None
    assert SaliencyTerms.of(replace(CONFIG, coherent=1.0), nn.Identity(), SIDE) is not None


def test_terms_are_the_losses_of_the_maps_times_their_weights():
    net = model().train()
    maps = seen(net)
    terms = SaliencyTerms(replace(CONFIG, distinct=2.0, coherent=5.0), nn.Identity(), SIDE)
    total, logs = terms(maps, net, seed=0)
    calm = model().eval()
    calm.load_state_dict(net.state_dict())
    size = (SIDE, SIDE)
    distinct = class_distinctiveness_loss(maps, calm.features, size=size, channels=3)
    coherent = spatial_coherence(as_images(maps.flatten(0, 1), size)[:, 0], reduction="mean")
    torch.testing.assert_close(logs["distinctiveness"], distinct)
    torch.testing.assert_close(logs["coherence"], coherent)
    torch.testing.assert_close(total, 2 * distinct + 5 * coherent)


def test_terms_reach_the_weights_and_leave_mode_and_statistics_alone():
    net = model().train()
    maps = seen(net)
    before = {name: value.clone() for name, value in net.named_buffers()}
    terms = SaliencyTerms(replace(CONFIG, distinct=1.0, coherent=1.0), nn.Identity(), SIDE)
    total, _ = terms(maps, net, seed=0)
    total.backward()
    assert net.features.a.weight.grad.abs().sum() > 0
    assert net.linear.weight.grad.abs().sum() > 0
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())
    assert all(module.training for module in net.modules())


def test_raw_maps_are_compared_without_another_pass():
    net = model()
    maps = seen(net)
    terms = SaliencyTerms(replace(CONFIG, distinct=1.0, encoded=False), nn.Identity(), SIDE)
    expected = F.normalize(maps.relu().flatten(2), dim=2)
    cosines = [(expected[:, i] * expected[:, j]).sum(1).mean().item() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert terms(maps, net, seed=0)[0].item() == pytest.approx(np.mean(cosines), rel=1e-5)


@pytest.mark.parametrize("term", ["distinct", "coherent"])
def test_sampled_pairs_are_drawn_from_the_seed_and_unbiased(term):
    net = model().eval()
    maps = seen(net).detach()
    fields = {"estimator": "sampled", "share": 0.5, term: 1.0}
    sampled = SaliencyTerms(replace(CONFIG, **fields), nn.Identity(), SIDE)
    every = SaliencyTerms(replace(CONFIG, **{term: 1.0}), nn.Identity(), SIDE)
    before = torch.random.get_rng_state()
    with torch.no_grad():
        found = [float(sampled(maps, net, seed)[0]) for seed in range(200)]
        again, whole = float(sampled(maps, net, 7)[0]), float(every(maps, net, 0)[0])
    assert again == found[7]
    assert len(set(found)) > 5
    assert np.mean(found) == pytest.approx(whole, abs=4 * np.std(found) / np.sqrt(200))
    assert torch.equal(before, torch.random.get_rng_state())
