"""The benchmark's decoders: parameters by hand, against segmentation-models-pytorch, and how far an input reaches."""

import pytest
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses import mil_logits
from papers_lib.models.benchmark_decoders import (
    CamDecoder,
    DeepLabDecoder,
    FPNDecoder,
    LiDecoder,
    PANDecoder,
    UnetDecoder,
)
from tests.heatmap_decoders import CLASSES, SMALL, features, seeded

DILATED = (4, 8, 16, 16)
PAPER = (256, 128, 64, 64, 64)


def in_double(decoder: nn.Module, given: list[Tensor]) -> tuple[nn.Module, list[Tensor]]:
    return decoder.double(), [feature.double() for feature in given]


def the_same(ours: nn.Module, theirs: nn.Module, given: list[Tensor], image: list[Tensor | None]) -> None:
    """With their weights, our body gives their map."""
    ours, given = in_double(ours, given)
    ours.body.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours.decode(given), theirs.double()([*image, *given]))


def test_unet_from_five_features_is_smps():
    theirs = smp.Unet("resnet18", in_channels=1, encoder_weights=None, classes=1, decoder_channels=PAPER)
    channels = tuple(theirs.encoder.out_channels[1:])
    ours, given = UnetDecoder(channels, CLASSES, generator=seeded()), features(channels, strides=(2, *RATIOS))
    the_same(ours, theirs.decoder, given, [torch.zeros(2, 1, 64, 64)])
    assert (ours.stride, ours([f.double() for f in given]).maps.shape) == (1, (2, CLASSES, 64, 64))


RATIOS = (4, 8, 16, 32)


def test_fpn_with_group_norm_is_smps():
    theirs = smp.FPN("resnet18", in_channels=1, encoder_weights=None, classes=1, decoder_dropout=0)
    channels = tuple(theirs.encoder.out_channels[-4:])
    ours = FPNDecoder(channels, CLASSES, generator=seeded(), norm="group")
    the_same(ours, theirs.decoder, features(channels), [])


@pytest.mark.parametrize("last", [32, 16])
def test_pan_with_its_pools_is_smps(last):
    theirs = smp.decoders.pan.decoder.PANDecoder((0, 0, *SMALL), 5, 32)
    ours = PANDecoder(SMALL, CLASSES, generator=seeded(), width=32)
    the_same(ours, theirs, features(side=(256, 512), strides=(4, 8, 16, last)), [None, None])


def test_pan_without_its_pools_is_smps_with_a_dead_branch_and_open_gates():
    theirs = smp.decoders.pan.decoder.PANDecoder((0, 0, *SMALL), 5, 32).double()
    nn.init.zeros_(theirs.fpa.branch1[1].bn.weight)  # ReLU(0 x + 0)
    for gate in (theirs.gau1, theirs.gau2, theirs.gau3):
        nn.init.zeros_(gate.conv1[1].bn.weight)
        nn.init.constant_(gate.conv1[1].bn.bias, 100.0)  # sigmoid(100) = 1
    ours, given = in_double(
        PANDecoder(SMALL, CLASSES, generator=seeded(), width=32, gap=False), features(side=256)
    )
    ours.body.load_state_dict({name: theirs.state_dict()[name] for name in ours.body.state_dict()})
    torch.testing.assert_close(ours.decode(given), theirs([None, None, *given]))


@pytest.mark.parametrize("gap", [True, False])
def test_deeplab_is_smps_with_or_without_a_dead_branch(gap):
    theirs = smp.decoders.deeplabv3.decoder.DeepLabV3PlusDecoder(
        (0, 0, *SMALL), 5, 256, (12, 24, 36), 16, aspp_separable=True, aspp_dropout=0.0
    ).double()
    ours, given = in_double(
        DeepLabDecoder(SMALL, CLASSES, generator=seeded(), gap=gap, dropout=0),
        features(side=(64, 256), strides=DILATED),
    )
    state = theirs.state_dict()
    if not gap:
        nn.init.zeros_(theirs.aspp[0].convs[4][2].weight)  # ReLU(0 x + 0)
        state = {name: tensor for name, tensor in state.items() if "convs.4." not in name}
        state["aspp.0.project.0.weight"] = state["aspp.0.project.0.weight"][:, : 4 * 256]
    ours.body.load_state_dict(state)
    torch.testing.assert_close(ours.decode(given), theirs([None, None, *given]))


@pytest.mark.parametrize("norm", [False, True])
def test_grad_cam_of_the_baseline_is_its_cam_less_the_bias_over_the_cells(norm):
    """The maximum passes its gradient to one cell, which the mean over cells then divides by their number."""
    decoder, given = in_double(
        CamDecoder(SMALL, CLASSES, generator=seeded(), norm=norm).eval(), features(side=160)
    )
    nn.init.uniform_(decoder.head.bias, generator=seeded(2))
    found = decoder(given)
    inner = nn.Sequential(decoder.head, nn.AdaptiveMaxPool2d(1), nn.Flatten())
    activations = decoder.body(given[-1])
    logits, gradients = head_gradients(inner, activations, "all")
    torch.testing.assert_close(logits, found.logits)
    expected = (found.maps - decoder.head.bias[:, None, None]) / 25
    torch.testing.assert_close(grad_cam(activations, gradients), expected)


def test_li2018_from_functions_and_its_start():
    decoder, given = in_double(LiDecoder(SMALL, CLASSES, generator=seeded(), width=16), features())
    convolution, norm, _ = decoder.block
    x = F.interpolate(given[-1], (20, 20), mode="bilinear", align_corners=True)
    x = F.conv2d(x, convolution.weight, convolution.bias, padding=1)
    x = F.batch_norm(x, None, None, norm.weight, norm.bias, training=True).relu()
    expected = F.conv2d(x, decoder.head.weight, decoder.head.bias)
    found = decoder(given)
    torch.testing.assert_close(found.maps, expected)
    torch.testing.assert_close(found.logits, mil_logits(expected))
    prevalence = torch.tensor([0.02, 0.1, 0.4], dtype=torch.float64)
    decoder.start_at_prevalence(prevalence, scale=0.0)
    shares = decoder(given).logits.sigmoid()
    torch.testing.assert_close(shares, prevalence.expand_as(shares), rtol=1e-4, atol=0)
