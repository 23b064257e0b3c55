import pytest
import torch

from benchmarks.cam_entropy_steps import BETA, CLASSES, LABELS, WAYS, measure
from papers_lib.cams import cam_of
from papers_lib.metrics.sharpness import MEASURES, dead_maps
from papers_lib.models.classifier import pooled_classifier


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(4, 3, 96, 96, generator=generator).double()
    return x, torch.tensor([16, 10, 18, 0])  # 18: a dead map, by trial


def network():
    model = pooled_classifier(
        "resnet18", CLASSES, generator=torch.Generator().manual_seed(1), weights="random"
    )
    return model.double()


def result(name, batch):
    model = network()
    loss = WAYS[name](model, *batch)
    loss.backward()
    return loss.detach(), [p.grad for p in model.parameters()]


@pytest.mark.parametrize(
    ("ours", "naive"),
    [("ce", "ce_autograd"), ("ce", "ce_image"), ("ce", "ce_second_pass"), ("ca", "ca_eigenvalues")],
)
def test_naive_ways_are_the_same_loss(ours, naive, batch):
    """Else their times would compare nothing: value and parameter gradients agree in double precision."""
    (loss, gradients), (same, others) = result(ours, batch), result(naive, batch)
    torch.testing.assert_close(same, loss, rtol=1e-10, atol=1e-12)
    for a, b in zip(others, gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_a_term_is_beta_times_its_measure(batch):
    """Against the measures themselves: cd is to grow, and a dead map costs nothing."""
    x, y = batch
    maps = cam_of(network(), "features", x, y, method="grad_cam")
    assert dead_maps(maps).tolist() == [False, False, True, False]
    plain, _ = result("plain", batch)
    for name, sign in (("ce", 1), ("ca", 1), ("cd", -1)):
        term = sign * MEASURES[name](maps, dead=0.0).mean()
        torch.testing.assert_close(result(name, batch)[0], plain + BETA * term.detach())


def test_every_way_is_timed_in_every_round():
    times = measure("resnet18", rounds=2, side=64, batch=2)
    assert {name: len(seconds) for name, seconds in times.items()} == dict.fromkeys(WAYS, 2)
    assert set(LABELS) == set(WAYS)
    assert min(min(seconds) for seconds in times.values()) > 0
