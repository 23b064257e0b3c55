"""FPN: against segmentation-models-pytorch, its parameters by hand, and its three normalisations."""

import pytest
import torch
from torch import nn

from papers_lib.models.fpn_decoder import FPNDecoder
from tests.heatmap_decoders import CLASSES, RESNET50, SMALL, features, parameters, reach, seeded

import segmentation_models_pytorch as smp  # isort: skip


def norms(decoder: FPNDecoder) -> list[nn.Module]:
    return [layer for layer in decoder.modules() if isinstance(layer, (nn.BatchNorm2d, nn.GroupNorm))]


@pytest.mark.parametrize("norm", ["batch", "group", "group1"])
def test_parameters_by_hand_and_as_in_smp(norm):
    pyramid = sum(channels * 256 + 256 for channels in RESNET50)  # Conv 1x1 with bias, one a stage
    first = 4 * (9 * 256 * 128 + 2 * 128)  # Conv 3x3 without bias, and its norm, of each level
    further = 3 * (9 * 128 * 128 + 2 * 128)  # strides 32 and 16 upsample three times and twice: 2 + 1 more
    head = 128 * 14 + 14
    decoder = FPNDecoder(RESNET50, 14, generator=seeded(), norm=norm)
    assert parameters(decoder) == pyramid + first + further + head == 2_609_678
    theirs = smp.FPN("resnet50", in_channels=1, encoder_weights=None, classes=14)
    assert parameters(decoder) == parameters(theirs.decoder) + parameters(theirs.segmentation_head)


def test_group_norm_is_smps_decoder():
    theirs = smp.FPN("resnet18", in_channels=1, encoder_weights=None, classes=CLASSES, decoder_dropout=0)
    channels = tuple(theirs.encoder.out_channels[-4:])
    ours = FPNDecoder(channels, CLASSES, generator=seeded(), norm="group")
    ours.body.load_state_dict(theirs.decoder.state_dict())
    ours.head.load_state_dict(theirs.segmentation_head[0].state_dict())
    given = features(channels)
    torch.testing.assert_close(
        ours(given).maps, theirs.segmentation_head[0](theirs.decoder(given)), rtol=0, atol=0
    )


def test_each_norm_is_what_it_says():
    for width, groups in ((128, 32), (64, 16)):  # four channels a group
        found = norms(FPNDecoder(SMALL, 2, generator=seeded(), width=width, norm="group"))
        assert [layer.num_groups for layer in found] == [groups] * 7
    found = norms(FPNDecoder(SMALL, 2, generator=seeded(), norm="group1"))
    assert [layer.num_groups for layer in found] == [1] * 7
    assert {type(layer) for layer in norms(FPNDecoder(SMALL, 2, generator=seeded()))} == {nn.BatchNorm2d}


@pytest.mark.parametrize("norm", ["batch", "group", "group1"])
def test_a_distant_input_does_not_matter_but_through_the_group_statistics(norm):
    """Pyramid and blocks reach a few cells of stride 32; group norm's mean and variance reach everywhere."""
    found = reach(
        FPNDecoder(SMALL, CLASSES, generator=seeded(), width=32, norm=norm), features(side=(32, 1024))
    )
    assert found[:8].all()
    assert found[128:].any() == (norm != "batch")


def test_dropout_is_off_unless_asked_for():
    given = features()
    ours = FPNDecoder(SMALL, CLASSES, generator=seeded(), width=32, norm="group")
    assert torch.equal(ours(given).maps, ours(given).maps)
    dropping = FPNDecoder(SMALL, CLASSES, generator=seeded(), width=32, norm="group", dropout=0.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(dropping(given).maps, dropping(given).maps)
    assert torch.equal(dropping.eval()(given).maps, ours.eval()(given).maps)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"width": 48}, "width: FPN needs a multiple of 32, got 48"),
        ({"norm": "layer"}, "norm: expected one of batch, group, group1, got 'layer'"),
    ],
)
def test_bad_settings(settings, line):
    with pytest.raises(ValueError, match=line):
        FPNDecoder(SMALL, 2, generator=seeded(), **settings)
