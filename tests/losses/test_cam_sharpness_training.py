"""The sharpness term in a network: the parameter gradients of CE + β · ce, and what training on it does."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from tests.cam_models import parameter_gradients

FORMS = ["relu", "shifted"]
TARGET = torch.tensor([2, 0, 1, 1])


def pooled_net(positive: bool = False) -> nn.Module:
    """Convolutions, then the paper's head: average pooling, Dense, ReLU, Dense; K = 3 classes."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = nn.Sequential()
        model.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1), nn.Softplus()
        )
        model.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)
        )
        if positive:  # then so are the weights α and the maps
            with torch.no_grad():
                for layer in (model.head[2], model.head[4]):
                    layer.weight.abs_()
    return model.double()


def images() -> Tensor:
    return torch.randn(len(TARGET), 2, 6, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def raw_maps(model: nn.Module) -> tuple[Tensor, Tensor]:
    activations = model.features(images())
    logits, gradients = head_gradients(model.head, activations, TARGET)
    return grad_cam(activations, gradients), logits


def total_loss(model: nn.Module, form: str, beta: float, measure: str = "ce") -> Tensor:
    maps, logits = raw_maps(model)
    return F.cross_entropy(logits, TARGET) + beta * cam_sharpness_loss(maps, form=form, measure=measure).loss


def naive_total_loss(model: nn.Module, form: str, beta: float) -> Tensor:
    """The equations as they stand, an image at a time, differentiated through the whole network."""
    terms = []
    for image, c in zip(images(), TARGET, strict=True):
        A = model.features(image[None])
        logits = model.head(A)
        (G,) = torch.autograd.grad(logits[0, c], A, create_graph=True)
        raw = sum(G[0, k].mean() * A[0, k] for k in range(A.shape[1])).flatten()
        if form == "relu":
            assert (raw > 0).all()
            M = raw.relu()
        else:
            M = raw - raw.min()
            M = M[M > 0]  # without the minimum, whose p ln p is 0
        p = M / M.sum()
        ce = -(p * p.log()).sum()
        terms.append(F.cross_entropy(logits, c[None]) + beta * ce)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("beta", [0.3, 100.0])
@pytest.mark.parametrize("form", FORMS)
def test_parameter_gradients_equal_those_of_the_printed_equations(form, beta):
    model = pooled_net(positive=form == "relu")
    ours, theirs = total_loss(model, form, beta), naive_total_loss(model, form, beta)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    for a, b in zip(parameter_gradients(ours, model), parameter_gradients(theirs, model), strict=True):
        assert b.abs().max() > 1e-4
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_the_term_moves_the_head_through_the_second_order_alone():
    """The map depends on the last layer's weights through α only: without that part they would get nothing."""
    model = pooled_net()
    maps, _ = raw_maps(model)
    whole = torch.autograd.grad(cam_sharpness_loss(maps).loss, model.head[4].weight)[0]
    assert whole.abs().max() > 1e-3
    A = model.features(images())
    G = head_gradients(model.head, A, TARGET).gradients.detach()
    half = torch.autograd.grad(
        cam_sharpness_loss(grad_cam(A, G)).loss, model.head[4].weight, allow_unused=True
    )
    assert half == (None,)
