"""PAN: against segmentation-models-pytorch with and without global average pools, parameters by hand, locality."""

import pytest
import torch
from torch import Tensor, nn

from papers_lib.models.pan_decoder import PANDecoder
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


def block(channels: int, out: int, kernel: int) -> int:
    """Convolution with bias and batch norm."""
    return kernel**2 * channels * out + out + 2 * out


def test_parameters_by_hand_and_as_in_smp():
    mask = block(2048, 1, 7) + block(1, 1, 5) + 2 * block(1, 1, 3) + block(1, 1, 5) + block(1, 1, 7)
    main = block(2048, 128, 1)
    branch, gates = block(2048, 128, 1), 3 * block(128, 128, 1)
    laterals = block(1024, 128, 3) + block(512, 128, 3) + block(256, 128, 3)
    head = 9 * 128 * 14 + 14
    ours = PANDecoder(RESNET50, 14, generator=seeded())
    assert parameters(ours) == mask + main + branch + gates + laterals + head == 2_757_525
    theirs = smp.PAN("resnet50", in_channels=1, encoder_weights=None, classes=14, decoder_channels=128)
    assert parameters(ours) == parameters(theirs.decoder) + parameters(theirs.segmentation_head)
    without = PANDecoder(RESNET50, 14, generator=seeded(), gap=False)
    assert parameters(without) == mask + main + laterals + head == 2_444_693
    assert (average_pools(ours), average_pools(without)) == (4, 0)


def smps(channels: tuple[int, ...]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return smp.decoders.pan.decoder.PANDecoder((0, 0, *channels), 5, 32)


def close(ours: PANDecoder, theirs: nn.Module, given: list[Tensor]) -> None:
    torch.testing.assert_close(ours.decode(given), theirs([None, None, *given]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("last", [32, 16])
def test_with_its_pools_it_is_smps_decoder(last):
    theirs = smps(SMALL)
    ours = PANDecoder(SMALL, CLASSES, generator=seeded(), width=32)
    ours.body.load_state_dict(theirs.state_dict())
    close(ours, theirs, features(side=(256, 512), strides=(4, 8, 16, last)))


def test_without_its_pools_it_is_smps_decoder_with_a_dead_branch_and_open_gates():
    theirs = smps(SMALL)
    with torch.no_grad():
        nn.init.zeros_(theirs.fpa.branch1[1].bn.weight)  # ReLU(0 x + 0)
        for gate in (theirs.gau1, theirs.gau2, theirs.gau3):
            nn.init.zeros_(gate.conv1[1].bn.weight)
            nn.init.constant_(gate.conv1[1].bn.bias, 100.0)  # sigmoid(100) = 1
    ours = PANDecoder(SMALL, CLASSES, generator=seeded(), width=32, gap=False)
    state = theirs.state_dict()
    assert {name.split(".")[1] for name in state.keys() - ours.body.state_dict().keys()} == {
        "branch1",
        "conv1",
    }
    ours.body.load_state_dict({name: state[name] for name in ours.body.state_dict()})
    close(ours, theirs, features(side=256))


def test_a_distant_input_does_not_matter_without_global_pools():
    """The attention reaches about 46 of the 64 cells of stride 32; all of the map is reached through a pool."""
    given = features(side=(32, 64 * 32))
    assert reach(PANDecoder(SMALL, CLASSES, generator=seeded(), width=32), given).all()
    found = reach(PANDecoder(SMALL, CLASSES, generator=seeded(), width=32, gap=False), given)
    assert found[:8].all()
    assert not found[50 * 8 :].any()


@pytest.mark.parametrize("gap", [True, False])
@pytest.mark.parametrize("side", [(32, 32), (160, 96), (224, 224)])
def test_sides_that_smp_cannot_take(side, gap):
    maps = PANDecoder(SMALL, CLASSES, generator=seeded(), width=32, gap=gap)(features(side=side)).maps
    assert maps.shape == (2, CLASSES, side[0] // 4, side[1] // 4)
    assert maps.isfinite().all()
