import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.classifier import PooledClassifier, pooled_classifier, pooled_mlp_grad_cam, split_at
from papers_lib.models.timm_backbones import Scale

TARGET = torch.tensor([2, 0, 3])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(dtype: torch.dtype = torch.float64) -> PooledClassifier:
    """Two convolutions under a pooled head of 7 hidden units and 4 classes."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 5, 3, padding=1))
    return PooledClassifier(features, 5, 4, generator=seeded(2), hidden=7).to(dtype)


def images(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(3, 3, 6, 5, generator=seeded(3)).to(dtype)


def loss_of(logits: Tensor, maps: Tensor) -> Tensor:
    weights = torch.linspace(-1, 2, maps.numel(), dtype=maps.dtype).reshape(maps.shape)
    return F.cross_entropy(logits, TARGET) + (weights * maps).sum() + (maps**2).sum()


def parameter_gradients(model: nn.Module, loss: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, model.parameters(), strict=True)]


@pytest.mark.parametrize("target", [TARGET, "all"], ids=["one", "all"])
def test_closed_form_equals_autograd_in_value_and_parameter_gradient(target):
    model = small()
    results = []
    for method in ("closed", "autograd"):
        activations = model.features(images())
        if method == "closed":
            logits, maps = pooled_mlp_grad_cam(model.head, activations, target)
        else:
            logits, gradients = head_gradients(model.head, activations, target, create_graph=True)
            maps = grad_cam(activations, gradients)
        results.append([logits, maps, *parameter_gradients(model, loss_of(logits, maps))])
    assert results[0][1].shape == ((3, 6, 5) if target is TARGET else (3, 4, 6, 5))
    assert all(gradient.abs().max() > 1e-3 for gradient in results[0][2:])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        lambda p, f, a, r, b: nn.Sequential(p, f, a, r, nn.Dropout(0.5), b),
        lambda p, f, a, r, b: nn.Sequential(p, f, a, nn.GELU(), b),
        lambda p, f, a, r, b: nn.Sequential(nn.AdaptiveMaxPool2d(1), f, a, r, b),
        lambda p, f, a, r, b: nn.Sequential(p, f, a, r, nn.Linear(7, 7), r, b),
    ],
)
def test_other_heads_are_refused(change):
    model = small()
    with pytest.raises(ValueError, match=r"head: the closed form needs .*AdaptiveAvgPool2d.*, got "):
        pooled_mlp_grad_cam(change(*model.head).double(), model.features(images()), TARGET)


def test_scale_is_that_of_the_weights():
    black_and_white = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1)
    lite = pooled_classifier("efficientnet_lite0", 2, generator=seeded(0), weights="random")
    found = lite.features.scale(black_and_white)[:, 0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([-127 / 128, 1.0]))
    resnet = pooled_classifier("resnet10t", 2, generator=seeded(0), weights="random")
    torch.testing.assert_close(
        resnet.features.scale(black_and_white)[0].flatten(),
        torch.tensor([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]),
    )
    with pytest.raises(ValueError, match=r"floating point values in \[0, 1\], got torch\.uint8"):
        Scale([0.5], [0.5])(torch.zeros(1, 1, 2, 2, dtype=torch.uint8))


def test_resnet50_is_the_papers():
    with torch.device("meta"):
        network = pooled_classifier("resnet50", 20, generator=seeded(0), weights="random")
        assert network.features(torch.empty(2, 3, 192, 192)).shape == (2, 2048, 6, 6)
        assert network(torch.empty(2, 3, 192, 192)).shape == (2, 20)
    # 23,508,032 in ResNet-50's convolutions and batch norms, then Dense 300 and Dense 20
    assert sum(p.numel() for p in network.parameters()) == 23_508_032 + 2049 * 300 + 301 * 20


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_split_shares_the_layers_and_the_tail_keeps_its_input(backbone):
    model = pooled_classifier(backbone, 3, generator=seeded(0), weights="random").double().eval()
    x = torch.rand(2, 3, 64, 64, generator=seeded(1), dtype=torch.float64)
    names = [name for name, _ in model.features.named_children()]
    for stage in ("", *names):
        front, tail = split_at(model, stage)
        assert [name for name, _ in (*front.named_children(), *tail.named_children())] == names
        assert next(iter(tail.named_children()))[0] == (stage or "scale")
        layers = {id(p) for part in (front, tail) for p in part.parameters()}
        assert layers == {id(p) for p in model.features.parameters()}
        with torch.no_grad():
            stored = front(x)
            copied = stored.clone()
            torch.testing.assert_close(tail(stored), model.features(x))
        assert torch.equal(stored, copied)
