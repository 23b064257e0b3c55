"""Maps of a whole model: what is left as it was, and which layers and modes serve."""

import pytest
import torch
from torch import Tensor, nn

from papers_lib.cams import METHODS, cam_of, head_gradients
from tests.cam_models import LAYER, TARGET, images, loss_of, net, parameter_gradients


def test_one_forward_pass_serves_both_losses():
    model, x, calls = net(), images(), []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    maps, logits = cam_of(model, LAYER, x, TARGET, return_logits=True)
    handle.remove()
    assert len(calls) == 1
    joint = parameter_gradients(logits.square().sum() + loss_of(maps), model)
    apart = parameter_gradients(model(x).square().sum() + loss_of(cam_of(model, LAYER, x, TARGET)), model)
    for a, b in zip(joint, apart, strict=True):
        torch.testing.assert_close(a, b)


def state(model: nn.Module) -> list:
    return [
        (
            m.training,
            *(len(getattr(m, h)) for h in vars(m) if h.endswith("_hooks") and getattr(m, h) is not None),
        )
        for m in model.modules()
    ] + [None if p.grad is None else p.grad.clone() for p in model.parameters()]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_model_is_left_as_it_was(fails, training):
    model = net(inplace=True).train(training)
    model.head[1].eval()
    model.head[1].weight.grad = torch.ones_like(model.head[1].weight)
    before, x = state(model), images()
    x_before = x.clone()
    if fails:
        model.head.append(nn.Linear(99, 1))
        before = state(model)
        with pytest.raises(RuntimeError):
            cam_of(model, LAYER, x, TARGET)
    else:
        cam_of(model, LAYER, x, TARGET)
    after = state(model)
    assert torch.is_grad_enabled()
    assert not x.requires_grad
    assert torch.equal(x, x_before)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b


@pytest.mark.parametrize("grad", [True, False])
def test_a_layer_before_an_inplace_relu(grad):
    x = images()
    with torch.set_grad_enabled(grad):
        plain = cam_of(net(), "features.2", x, TARGET)
        inplace = cam_of(net(inplace=True), "features.2", x, TARGET)
    torch.testing.assert_close(inplace, plain)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("target", [TARGET, "predicted", "all"])
def test_without_gradients_values_stay_and_the_graph_goes(context, target):
    model, x = net(inplace=True), images()
    expected = cam_of(model, LAYER, x, target)
    with context():
        maps, logits = cam_of(model, LAYER, x.clone(), target, return_logits=True)
        found = head_gradients(model.head, model.features(x.clone()), target)
        assert not torch.is_grad_enabled()
    for tensor in (maps, logits, *found):
        assert not tensor.requires_grad
    torch.testing.assert_close(maps, expected.detach())
    torch.testing.assert_close(METHODS["hires_cam"](model.features(x), found.gradients), expected)


def test_create_graph_false_makes_the_whole_map_a_constant_but_not_the_logits():
    model = net()
    maps, logits = cam_of(model, LAYER, images(), TARGET, create_graph=False, return_logits=True)
    assert not maps.requires_grad
    assert parameter_gradients(logits.sum(), model)[4].abs().max() > 1e-4
    with torch.no_grad():
        maps = cam_of(model, LAYER, images(), TARGET, create_graph=True)
    assert parameter_gradients(loss_of(maps), model)[4].abs().max() > 1e-4


class Odd(nn.Module):
    """Unused layer, layer that runs twice, layer that returns a pair, head of a wrong shape."""

    def __init__(self, wrong_logits: bool = False, cut: bool = False) -> None:
        super().__init__()
        self.unused, self.twice, self.pair = nn.Identity(), nn.Conv2d(2, 2, 1), nn.LSTM(2, 2)
        self.flat, self.wrong, self.cut = nn.Flatten(), wrong_logits, cut

    def forward(self, x):
        x = self.twice(self.twice(x.float()))
        self.pair(x[:, :, 0, 0])
        x = self.flat(x)
        if self.cut:
            return x.detach()[:, :3] + self.twice.weight.sum()
        return x[:, None] if self.wrong else x[:, :3]


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("unused", "layer 'unused': was not reached in the forward pass"),
        ("twice", "layer 'twice': runs more than once in a forward pass"),
        ("pair", r"layer 'pair': expected an output \(B, C, H, W\), got tuple"),
        ("flat", r"layer 'flat': expected an output \(B, C, H, W\), got \(3, 60\)"),
        ("absent", "layer: 'absent' is not a submodule of Odd"),
        (nn.Identity(), r"layer: Identity\(\) is not a submodule of Odd"),
    ],
)
def test_unsuitable_layers(layer, line):
    model = Odd()
    before = state(model)
    with pytest.raises(ValueError, match=line):
        cam_of(model, layer, images(), TARGET)
    assert state(model) == before
