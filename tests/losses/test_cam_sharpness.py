"""The sharpness term: hand-worked values, the other classes, degenerate maps, bad input."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from papers_lib.metrics.sharpness import MEASURES
from tests.cam_models import parameter_gradients

FORMS = ["relu", "shifted"]

HOT = [[4.0, 4.0], [0.0, -1.0]]  # ce = ln 2, cd = 1
FLAT = [[1.0, 1.0], [1.0, 1.0]]  # ce = ln 4, cd = 0
COLD = [[-1.0, -2.0], [0.0, 0.0]]  # dead


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("measure", "terms"),
    [
        ("ce", [math.log(2), math.log(4), 0]),
        ("ce_norm", [0.5, 1, 0]),
        ("ca", [0, 1 / 4, 0]),
        ("cd", [-1, 0, 0]),
        ("cv", [-1, 0, 0]),
    ],
)
def test_hand_worked_values_and_reductions(measure, terms):
    maps = torch.tensor([HOT, FLAT, COLD])
    found = cam_sharpness_loss(maps, measure=measure, reduction="none")
    assert found.loss.tolist() == pytest.approx(terms)
    assert cam_sharpness_loss(maps, measure=measure, reduction="sum").loss.item() == pytest.approx(sum(terms))
    mean = cam_sharpness_loss(maps, measure=measure)
    assert mean.loss.item() == pytest.approx(sum(terms) / 3)  # the dead map is one of the three
    assert mean.dead_share.item() == found.dead_share.item() == pytest.approx(1 / 3)
    assert mean.loss.shape == mean.dead_share.shape == ()


def test_hand_worked_values_with_the_other_classes():
    maps = torch.tensor([[HOT, FLAT, COLD], [HOT, FLAT, FLAT], [COLD, HOT, HOT], [HOT, COLD, COLD]])
    target, ln2 = torch.tensor([0, 1, 0, 0]), math.log(2)
    found = cam_sharpness_loss(maps, target, others=0.5, reduction="none")
    assert found.loss.tolist() == pytest.approx(
        [
            ln2 - 0.5 * 2 * ln2,  # of the other two only FLAT lives
            2 * ln2 - 0.5 * (ln2 + 2 * ln2) / 2,
            0 - 0.5 * ln2,  # the true class's map is dead, the others' are not
            ln2,  # no other map lives
        ]
    )
    assert found.dead_share.item() == 0.25
    found = cam_sharpness_loss(maps, target, measure="cd", others=2.0, reduction="none")
    assert found.loss.tolist() == pytest.approx([-1, 2 * 1 / 2, 2, -1])


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(FORMS),
    measure=st.sampled_from(sorted(MEASURES)),
    others=st.sampled_from([0.0, 0.4]),
    scale=st.floats(1e-6, 1e6),
)
def test_properties(seed, form, measure, others, scale):
    maps = random_maps(seed, 5, 3, 3, 4)
    target = torch.randint(3, (5,), generator=torch.Generator().manual_seed(seed))

    def terms(raw: Tensor, classes: Tensor) -> Tensor:
        found = cam_sharpness_loss(raw, classes, measure=measure, form=form, others=others, reduction="none")
        return found.loss

    found = terms(maps, target)
    torch.testing.assert_close(terms(maps * scale, target), found)
    singles = [terms(maps[i : i + 1], target[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(torch.cat(singles), found)
    torch.testing.assert_close(terms(maps.roll(1, 1), (target + 1) % 3), found)  # classes renumbered
    if others == 0:
        alone = cam_sharpness_loss(maps[range(5), target], measure=measure, form=form, reduction="none")
        torch.testing.assert_close(alone.loss, found)


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
