from collections import OrderedDict

import torch
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.multilabel_classifier import MultilabelClassifier, multilabel_classifier

STAGES = ["scale", "stem", *(f"blocks_{number}" for number in range(7)), "conv_head"]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(dropout: float = 0.0) -> MultilabelClassifier:
    """Two convolutions, 5 channels, 4 classes, in double precision."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = OrderedDict(a=nn.Conv2d(3, 6, 3, padding=1), b=nn.ReLU(), c=nn.Conv2d(6, 5, 3, padding=1))
    return MultilabelClassifier(nn.Sequential(layers), 5, 4, generator=seeded(2), dropout=dropout).double()


def images(count: int = 3, side: int = 6) -> Tensor:
    return torch.rand(count, 3, side, side - 1, generator=seeded(3)).double()


def built(seed: int = 0, **options) -> MultilabelClassifier:
    return multilabel_classifier("efficientnet_lite0", 3, generator=seeded(seed), weights="random", **options)


def gradients_of(model: nn.Module, maps: Tensor, logits: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 2, maps.numel(), dtype=maps.dtype).reshape(maps.shape)
    loss = (weights * maps).sum() + maps.square().sum() + logits.square().sum()
    return list(torch.autograd.grad(loss, list(model.parameters())))


def test_maps_are_grad_cam_in_value_and_in_parameter_gradient():
    model = small()
    logits, maps = model.see(images())
    activations = model.features(images())
    expected_logits, slopes = head_gradients(model.head, activations, "all", create_graph=True)
    expected = grad_cam(activations, slopes)
    assert maps.shape == (3, 4, 6, 5)
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(logits, expected_logits)
    for one, other in zip(
        gradients_of(model, maps, logits), gradients_of(model, expected, expected_logits), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_cut_network_ends_in_a_neck_that_gives_nothing_negative():
    model = built(last_stage="blocks_3", neck=7)
    assert [name for name, _ in model.features.named_children()] == [*STAGES[:6], "neck"]
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all(norm.training and norm.num_batches_tracked == 0 for norm in norms)  # nothing was seen yet
    found = model.features(torch.rand(2, 3, 64, 64, generator=seeded(4)))
    assert found.shape == (2, 7, 4, 4)
    assert (found >= 0).all()
    assert (found > 0).any()
    whole = built()
    for name in STAGES[:6]:
        kept, original = (dict(one.features.get_submodule(name).named_parameters()) for one in (model, whole))
        assert all(torch.equal(kept[key], value) for key, value in original.items())
