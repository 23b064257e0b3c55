"""The choice of logits: one class an image, the predicted one, all at once; and what is refused."""

import pytest
import torch
from torch import nn

from papers_lib.cams import METHODS, cam_of, head_gradients
from tests.cam_models import LAYER, images, loss_of, net, parameter_gradients


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


def test_predicted_is_the_argmax():
    model, x = net(), images()
    maps, logits = cam_of(model, LAYER, x, "predicted", return_logits=True)
    torch.testing.assert_close(logits, model(x))
    torch.testing.assert_close(maps, cam_of(model, LAYER, x, logits.argmax(1)))


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
