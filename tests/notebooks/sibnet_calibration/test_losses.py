"""The objective: label losses by hand, and its gradients against a naive graph in float64."""

from collections import OrderedDict
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from papers_lib.losses.spatial_coherence import components
from papers_lib.models.multilabel_classifier import MultilabelClassifier
from sibnet_calibration.experiment import SibnetRun, label_loss, saliency_terms

CONFIG = SibnetRun(seed=3, share=1.0, estimator="all")
LABELS = torch.tensor([[1.0, 0], [0, 0], [0, 1], [0, 1]])
"""A quarter and a half of positives."""
SIDE = 16


def network() -> MultilabelClassifier:
    """A convolution of stride 4, batch norm and ReLU in float64: maps 4 x 4 of three classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = OrderedDict(a=nn.Conv2d(3, 8, 4, 4), b=nn.BatchNorm2d(8), c=nn.ReLU())
    generator = torch.Generator().manual_seed(0)
    return MultilabelClassifier(nn.Sequential(layers), 8, 3, generator=generator).double()


IMAGES = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def naive(net: MultilabelClassifier, distinct: float, coherent: float, encoded: bool) -> Tensor:
    """Both terms as the report prints them: Grad-CAM with its graph, a pass a map, loops over pairs and pixels."""
    activations = net.features(IMAGES)
    logits = net.linear(activations.mean((2, 3)))
    net.features.b.eval()
    cosines, roughness = [], []
    for image in range(len(IMAGES)):
        codes = []
        for k in range(3):
            (gradient,) = torch.autograd.grad(logits[image, k], activations, create_graph=True)
            weights = gradient[image].mean((1, 2))  # Selvaraju 2017, equation 1
            raw = (weights[:, None, None] * activations[image]).sum(0).relu()
            span = raw.max() - raw.min()
            small = (raw - raw.min()) / span if span > 0 else raw * 0
            large = nn.functional.interpolate(small[None, None], (SIDE, SIDE), mode="bilinear")[0]
            codes.append((net.features(large.expand(1, 3, -1, -1)) if encoded else raw).flatten())
            cluster, total, pairs = components(large[0].detach()), large.new_zeros(()), 0
            inside = cluster.nonzero().tolist()
            for (y, x), (v, u) in ((p, q) for p in inside for q in inside if p != q):
                if cluster[y, x] == cluster[v, u] and max(abs(y - v), abs(x - u)) <= 4:
                    total, pairs = total + (large[0, y, x] - large[0, v, u]) ** 2, pairs + 1
            roughness.append(total / max(pairs, 1))
        cosines += [nn.functional.cosine_similarity(a, b, dim=0) for a, b in combinations(codes, 2)]
    net.features.b.train()
    return distinct * torch.stack(cosines).mean() + coherent * torch.stack(roughness).mean()


@pytest.mark.parametrize(
    ("distinct", "coherent", "encoded"), [(1.4, 0.0, True), (1.4, 0.0, False), (0.0, 30.0, True)]
)
def test_gradients_of_the_terms_are_those_of_a_naive_graph(distinct, coherent, encoded):
    net, other = network(), network()
    config = replace(CONFIG, distinct=distinct, coherent=coherent, encoded=encoded)
    before = {name: value.clone() for name, value in net.named_buffers()}
    maps = net.see(IMAGES).maps
    seen = {name: value.clone() for name, value in net.named_buffers()}  # of the pass that gives the logits
    total, logs = saliency_terms(config, maps, net.features, SIDE, seed=0)
    expected = naive(other, distinct, coherent, encoded)
    assert total.item() == pytest.approx(expected.item(), rel=1e-9)
    assert sum(value.item() for value in logs.values()) * (distinct + coherent) == pytest.approx(total.item())
    total.backward()
    expected.backward()
    for (name, own), theirs in zip(net.named_parameters(), other.parameters(), strict=True):
        if own.grad is None:
            assert theirs.grad is None or not theirs.grad.abs().max() > 1e-12, name
            continue
        torch.testing.assert_close(own.grad, theirs.grad, rtol=1e-7, atol=1e-10, msg=name)
    assert net.linear.weight.grad.abs().max() > 0
    assert all(torch.equal(value, seen[name]) for name, value in net.named_buffers())
    assert any(not torch.equal(value, before[name]) for name, value in net.named_buffers())
    assert all(module.training for module in net.modules())


@pytest.mark.parametrize("term", ["distinct", "coherent"])
def test_sampled_pairs_are_drawn_from_the_seed_and_unbiased(term):
    net = network().eval()
    maps = net.see(IMAGES).maps.detach()
    sampled = replace(CONFIG, estimator="sampled", share=0.5, **{term: 1.0})
    with torch.no_grad():
        found = [float(saliency_terms(sampled, maps, net.features, SIDE, seed)[0]) for seed in range(200)]
        again = float(saliency_terms(sampled, maps, net.features, SIDE, 7)[0])
        whole = float(saliency_terms(replace(CONFIG, **{term: 1.0}), maps, net.features, SIDE, 0)[0])
    assert again == found[7]
    assert len(set(found)) > 5
    assert np.mean(found) == pytest.approx(whole, abs=4 * np.std(found) / np.sqrt(200))


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
