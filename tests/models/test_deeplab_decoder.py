"""DeepLabV3+: against segmentation-models-pytorch with and without its global pool, parameters by hand, locality."""

import pytest
import torch
from torch import nn

from papers_lib.models.deeplab_decoder import DeepLabDecoder
from tests.heatmap_decoders import (
    CLASSES,
    RESNET50,
    SMALL,
    average_pools,
    features,
    parameters,
    reach,
    seeded,
)

import segmentation_models_pytorch as smp  # isort: skip

DILATED = (4, 8, 16, 16)


def separable(channels: int, out: int) -> int:
    """Conv 3x3 a channel and Conv 1x1, without biases, and batch norm."""
    return 9 * channels + channels * out + 2 * out


def test_parameters_by_hand_and_as_in_smp():
    one = 2048 * 256 + 2 * 256  # Conv 1x1 and batch norm: the 1x1 branch; the pooling branch
    aspp = one + 3 * separable(2048, 256) + one + 5 * 256 * 256 + 2 * 256
    rest = separable(256, 256) + (256 * 48 + 2 * 48) + separable(256 + 48, 256)
    head = 256 * 14 + 14
    ours = DeepLabDecoder(RESNET50, 14, generator=seeded())
    assert parameters(ours) == aspp + rest + head == 3_172_894
    theirs = smp.DeepLabV3Plus("resnet50", in_channels=1, encoder_weights=None, classes=14)
    assert parameters(ours) == parameters(theirs.decoder) + parameters(theirs.segmentation_head)
    without = DeepLabDecoder(RESNET50, 14, generator=seeded(), gap=False)
    assert parameters(without) == aspp - one - 256 * 256 + rest + head == 2_582_558
    assert (average_pools(ours), average_pools(without)) == (1, 0)


def smps() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        made = smp.decoders.deeplabv3.decoder.DeepLabV3PlusDecoder(
            (0, 0, *SMALL), 5, 256, (12, 24, 36), 16, aspp_separable=True, aspp_dropout=0.0
        )
    return made


def test_with_its_pool_it_is_smps_decoder():
    theirs = smps()
    ours = DeepLabDecoder(SMALL, CLASSES, generator=seeded(), dropout=0)
    ours.body.load_state_dict(theirs.state_dict())
    given = features(side=(64, 256), strides=DILATED)
    torch.testing.assert_close(ours.decode(given), theirs([None, None, *given]), rtol=0, atol=0)


def test_without_its_pool_it_is_smps_decoder_with_a_dead_branch():
    theirs = smps()
    nn.init.zeros_(theirs.aspp[0].convs[4][2].weight)  # ReLU(0 x + 0)
    state = {name: tensor for name, tensor in theirs.state_dict().items() if "convs.4." not in name}
    state["aspp.0.project.0.weight"] = state["aspp.0.project.0.weight"][:, : 4 * 256]
    ours = DeepLabDecoder(SMALL, CLASSES, generator=seeded(), gap=False, dropout=0)
    ours.body.load_state_dict(state)
    given = features(side=(64, 256), strides=DILATED)
    torch.testing.assert_close(ours.decode(given), theirs([None, None, *given]), rtol=1e-5, atol=1e-5)


def test_all_channels_scale_with_the_width():
    found = DeepLabDecoder(SMALL, CLASSES, generator=seeded(), width=32)
    block1 = SMALL[0] * 12 + 2 * 12  # 48 / 4
    aspp = (SMALL[3] * 64 + 128) * 2 + 3 * separable(SMALL[3], 64) + 5 * 64 * 64 + 128
    rest = separable(64, 64) + block1 + separable(12 + 64, 64)
    assert parameters(found) == aspp + rest + 64 * CLASSES + CLASSES


def test_a_distant_input_does_not_matter_without_the_global_pool():
    """ASPP reaches 36 cells of 16 px, the convolutions after it two more."""
    given = features(side=(32, 64 * 16), strides=DILATED)
    assert reach(DeepLabDecoder(SMALL, CLASSES, generator=seeded(), width=32), given).all()
    found = reach(DeepLabDecoder(SMALL, CLASSES, generator=seeded(), width=32, gap=False), given)
    assert found[36 * 4]
    assert not found[40 * 4 :].any()


def test_dropout_is_smps_and_can_be_turned_off():
    given = features(strides=DILATED)
    dropping, ours = (
        DeepLabDecoder(SMALL, CLASSES, generator=seeded(), width=32, **settings)
        for settings in ({}, {"dropout": 0.0})
    )
    assert [layer.p for layer in dropping.modules() if isinstance(layer, nn.Dropout)] == [0.5]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(dropping(given).maps, dropping(given).maps)
        assert torch.equal(ours(given).maps, ours(given).maps)


def test_features_that_are_not_dilated():
    with pytest.raises(ValueError, match=r"output_stride=16.*got sizes \(4, 4\) and \(2, 2\)"):
        DeepLabDecoder(SMALL, 2, generator=seeded(), width=32)(features())
