"""Unet: against segmentation-models-pytorch from five features, its first three blocks from four."""

import pytest
import torch

from papers_lib.models.unet_decoder import UnetDecoder
from tests.heatmap_decoders import CLASSES, RESNET50, SMALL, features, parameters, seeded

import segmentation_models_pytorch as smp  # isort: skip

PAPER = (256, 128, 64, 64, 64)


def block(channels: int, out: int) -> int:
    """Two Conv 3x3 without bias, each with a batch norm."""
    return 9 * channels * out + 2 * out + 9 * out * out + 2 * out


def test_parameters_by_hand_and_as_in_smp():
    three = block(2048 + 1024, 256) + block(256 + 512, 128) + block(128 + 256, 64)
    head = 9 * 64 * 14 + 14
    full = three + block(64 + 64, 64) + block(64, 64)
    ours = UnetDecoder((64, *RESNET50), 14, generator=seeded())
    assert parameters(ours) == full + head == 9_152_654
    theirs = smp.Unet("resnet50", in_channels=1, encoder_weights=None, classes=14, decoder_channels=PAPER)
    assert parameters(ours) == parameters(theirs.decoder) + parameters(theirs.segmentation_head)
    assert parameters(UnetDecoder(RESNET50, 14, generator=seeded())) == three + head == 8_967_822


def test_five_features_are_smps_decoder_to_stride_1():
    theirs = smp.Unet(
        "resnet18", in_channels=1, encoder_weights=None, classes=CLASSES, decoder_channels=PAPER
    )
    channels = tuple(theirs.encoder.out_channels[1:])
    ours = UnetDecoder(channels, CLASSES, generator=seeded())
    ours.body.load_state_dict(theirs.decoder.state_dict())
    ours.head.load_state_dict(theirs.segmentation_head[0].state_dict())
    given = features(channels, strides=(2, 4, 8, 16, 32))
    maps = ours(given).maps
    assert maps.shape == (2, CLASSES, 64, 64)
    assert ours.stride == 1
    expected = theirs.segmentation_head(theirs.decoder([torch.zeros(2, 1, 64, 64), *given]))
    torch.testing.assert_close(maps, expected, rtol=0, atol=0)


def test_four_features_are_its_first_three_blocks():
    """The same weights give the maps that the fourth block of the full decoder receives."""
    full = UnetDecoder((4, *SMALL), CLASSES, generator=seeded(), width=32)
    ours = UnetDecoder(SMALL, CLASSES, generator=seeded(), width=32)
    missing, extra = ours.body.load_state_dict(full.body.state_dict(), strict=False)
    assert missing == []
    assert {name.split(".")[1] for name in extra} == {"3", "4"}
    seen = []
    full.body.blocks[3].register_forward_pre_hook(lambda block, args: seen.append(args[0]))
    given = features((4, *SMALL), strides=(2, 4, 8, 16, 32))
    full(given)
    torch.testing.assert_close(ours.decode(given[1:]), seen[0], rtol=0, atol=0)
    assert (ours.stride, ours(given[1:]).maps.shape) == (4, (2, CLASSES, 16, 16))


def test_bad_settings():
    with pytest.raises(ValueError, match=r"channels: expected those of 4 or 5 stages, .* got \(5, 6, 7\)"):
        UnetDecoder(SMALL[:3], 2, generator=seeded())
    with pytest.raises(ValueError, match="width: expected an even number, got 33"):
        UnetDecoder(SMALL, 2, generator=seeded(), width=33)
    with pytest.raises(ValueError, match="features: expected 5 maps, finest first, got 4"):
        UnetDecoder((4, *SMALL), 2, generator=seeded())(features())
