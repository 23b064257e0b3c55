"""Networks of timm in stages, on timm's own miniature networks: together they are ``forward_features``."""

import pytest
import torch
from torch import nn

from papers_lib.errors import UserError
from papers_lib.models.timm_stages import timm_network, timm_stages

LITE = ["stem", *(f"blocks_{number}" for number in range(7)), "conv_head"]
RESNET = ["stem", "layer1", "layer2", "layer3", "layer4"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tf_efficientnet_lite0", LITE),
        ("test_resnet", RESNET),
        ("resnet10t", RESNET),
        ("test_convnext", ["backbone"]),
        ("test_byobnet", ["backbone"]),
    ],
)
@torch.no_grad()
def test_stages_together_are_forward_features(name, expected):
    network = timm_network(name, pretrained=False, seed=1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stages, channels = timm_stages(network)
    assert list(stages) == expected
    assert network.training
    assert all(module.training for module in stages.values())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    network.eval()
    maps = nn.Sequential(stages)(x)
    assert maps.shape == (2, channels, 3, 3)
    assert torch.equal(maps, network.forward_features(x))


def test_random_weights_depend_on_the_seed_alone_and_torchs_generator_is_left():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (timm_network("test_resnet", pretrained=False, seed=s) for s in (7, 7, 8))
    assert torch.equal(torch.rand(3), expected)
    weights = [network.layer1[0].conv1.weight for network in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_networks_without_maps_are_refused():
    with pytest.raises(
        UserError, match=r"VisionTransformer gives \(1, \d+, 64\), expected maps \(B, C, h, w\)"
    ):
        timm_stages(timm_network("test_vit", pretrained=False, seed=0))
    channels_last = timm_network("test_convnext", pretrained=False, seed=0)
    channels_last.output_fmt = "NHWC"  # as timm marks its Swin transformers
    with pytest.raises(UserError, match="expected maps"):
        timm_stages(channels_last)


def test_unknown_networks_and_weights_are_one_line(monkeypatch):
    with pytest.raises(UserError, match=r"no network 'resnet5O'; near it .*resnet50"):
        timm_network("resnet5O", pretrained=False, seed=0)
    with pytest.raises(UserError, match=r"cannot make test_resnet\.other .*Invalid pretrained tag"):
        timm_network("test_resnet.other", pretrained=True, seed=0)

    import timm

    def offline(*args, **kwargs):
        raise OSError("no network\nand a long story")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        UserError, match="weights of test_resnet are neither in timm's local cache nor"
    ) as caught:
        timm_network("test_resnet", pretrained=True, seed=0)
    assert "\n" not in str(caught.value)
