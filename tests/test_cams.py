"""Maps and, above all, the parameter gradients that a loss on a map makes, against captum and torchcam."""

import pytest
import torch
from captum._utils.gradient import compute_layer_gradients_and_eval
from captum.attr import LayerGradCam, LayerGradientXActivation
from torch import Tensor, nn

from papers_lib.cams import METHODS, cam_of, display_map, head_gradients, hires_cam
from tests.cam_models import LAYER, TARGET, images, loss_of, net, parameter_gradients


def captum_map(model: nn.Module, x: Tensor, method: str) -> Tensor:
    layer, graph = model.get_submodule(LAYER), {"create_graph": True}
    if method == "grad_cam":
        return LayerGradCam(model, layer).attribute(x, TARGET, grad_kwargs=graph)[:, 0]
    if method == "hires_cam":
        return LayerGradientXActivation(model, layer).attribute(x, TARGET, grad_kwargs=graph).sum(1)
    (G,), (A,) = compute_layer_gradients_and_eval(model, layer, x, TARGET, grad_kwargs=graph)
    maps = []
    for a, g in zip(A, G, strict=True):  # the papers' formulas, an image and a channel at a time
        one = torch.zeros_like(a[0])
        for channel, slope in zip(a, g, strict=True):
            if channel.sum() == 0:
                continue
            if method == "grad_cam_pp":
                alpha = slope**2 / (2 * slope**2 + channel.sum() * slope**3)
                weight = (alpha * slope.clamp(min=0)).sum()
            else:
                weight = (channel / channel.sum() * slope).sum()
            one = one + weight * channel
        maps.append(one)
    return torch.stack(maps)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_parameter_gradients_equal_captums(method, inplace):
    theirs_model, ours_model, x = net(), net(inplace), images()
    theirs = captum_map(theirs_model, x, method)
    ours = cam_of(ours_model, LAYER, x, TARGET, method=method)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    for a, b in zip(
        parameter_gradients(loss_of(ours), ours_model),
        parameter_gradients(loss_of(theirs), theirs_model),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


# Not Grad-CAM++: torchcam 0.5 divides a copy of α and so returns α = G², and it sums A G³ over one index
# where equation 19 has two. The formula above stands in.


def test_hires_cam_of_a_linear_head_sums_to_the_logit_less_the_bias():
    head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 3 * 2, 5)).double()
    A = torch.randn(6, 4, 3, 2, dtype=torch.float64)
    logits, G = head_gradients(head, A, "all")
    torch.testing.assert_close(hires_cam(A, G).sum((2, 3)), logits - head[1].bias)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["zero A", "zero G", "both zero", "constant", "tiny", "cancelling"])
def test_degenerate_maps_stay_finite_to_second_order(method, dtype, case):
    A, G = torch.rand(2, 3, 2, 2, generator=torch.Generator().manual_seed(3)), torch.ones(2, 3, 2, 2)
    A[0, 1], G[1, 0, 0, 0] = 0, -1
    A, G = {
        "zero A": (A * 0, G),
        "zero G": (A, G * 0),
        "both zero": (A * 0, G * 0),
        "constant": (torch.ones_like(A), G),
        "tiny": (A * 1e-6, G * 1e-6),
        "cancelling": (torch.tensor([[1.0, -1.0], [1.0, -1.0]]).expand_as(A), G),
    }[case]
    A, G = A.to(dtype).requires_grad_(), G.to(dtype).requires_grad_()
    maps = METHODS[method](A, G)
    assert maps.isfinite().all()
    assert maps.dtype == (dtype if dtype.itemsize > 2 else torch.float32)
    first = torch.autograd.grad((maps.double() ** 2).sum(), (A, G), create_graph=True)
    assert all(g.isfinite().all() for g in first)
    second = torch.autograd.grad(sum((g.double() ** 2).sum() for g in first), (A, G), allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in second)


@pytest.mark.parametrize("method", METHODS)
def test_gradgradcheck(method):
    generator = torch.Generator().manual_seed(4)
    A = torch.rand(1, 2, 2, 2, generator=generator, dtype=torch.float64).add(0.1).requires_grad_()
    G = torch.randn(1, 2, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(METHODS[method], (A, G))
    assert torch.autograd.gradgradcheck(METHODS[method], (A, G))


def test_display_map():
    maps = torch.tensor([[[-1.0, 2.0], [0.0, 4.0]], [[-1.0, -2.0], [0.0, 0.0]]], requires_grad=True)
    shown = display_map(maps)
    assert shown.tolist() == [[[0.0, 0.5], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert not shown.requires_grad
    assert display_map(maps[0, :1], (1, 4)).tolist() == [[0.0, 0.25, 0.75, 1.0]]
    assert display_map(maps[None].half(), (4, 6)).shape == (1, 2, 4, 6)


class OwnSquare(torch.autograd.Function):
    """An operation whose backward refuses batched gradients: it asks for a number."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        if grad.abs().sum().item() < 0:
            raise AssertionError
        return 2 * x * grad


class Square(nn.Module):
    def forward(self, x):
        return OwnSquare.apply(x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batched", [True, False])
def test_all_classes_equal_one_class_at_a_time(method, batched):
    model, x = net(), images()
    if not batched:
        model.head.insert(3, Square())
    maps = cam_of(model, LAYER, x, "all", method=method)
    assert maps.shape == (3, 3, 6, 5)
    one = [cam_of(model, LAYER, x, torch.full((3,), c), method=method) for c in range(3)]
    torch.testing.assert_close(maps, torch.stack(one, 1))
    for a, b in zip(
        parameter_gradients(loss_of(maps), model),
        parameter_gradients(loss_of(torch.stack(one, 1)), model),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_a_head_that_writes_into_its_input_unseen_is_refused():
    class Writes(nn.Module):
        def forward(self, a):
            return a.mul_(2.0).flatten(1)[:, :3]

    A = torch.randn(2, 1, 2, 2, requires_grad=True) * 1.0
    with pytest.raises(ValueError, match="changes its input in place"):
        head_gradients(Writes(), A, "predicted")
    # A function may do so: it is given a copy.
    before = A.detach().clone()
    found = head_gradients(lambda a: a.mul_(2.0).flatten(1)[:, :3], A, torch.tensor([0, 0]))
    assert torch.equal(found.gradients[:, 0, 0, 0], torch.full((2,), 2.0))
    assert torch.equal(A, before)
