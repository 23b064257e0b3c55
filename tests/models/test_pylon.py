"""PYLON: parameter counts by hand, sides, strides, initial weights, the CAM in its map, and the start of training."""

import pytest
import torch
from torch import Tensor, nn

from papers_lib.cams import cam
from papers_lib.models.pylon import PylonDecoder, pylon

CHANNELS = (5, 6, 7, 9)
RESNET50 = (256, 512, 1024, 2048)


def conv_block(channels: int, width: int, kernel: int = 1) -> int:
    """Weights and bias of the convolution, scale and shift of the norm."""
    return channels * width * kernel * kernel + width + 2 * width


PA_MAIN = 2048 * 128 + 128 + 256
PA_MASK = (
    *(
        2048 * 49 + 1 + 2,
        1 * 25 + 1 + 2,
        1 * 9 + 1 + 2,
    ),  # down: 7 x 7 of 2048 channels, 5 x 5 and 3 x 3 of one
    *(1 * 49 + 1 + 2, 1 * 25 + 1 + 2, 1 * 9 + 1 + 2),  # lateral, of one channel
)
PA = PA_MAIN + sum(PA_MASK)
TWO_LAYER = [conv_block(c, c) + conv_block(c, 128) for c in (1024, 512, 256)]
SMALL = [conv_block(c, 128) for c in (1024, 512, 256)]
CONV3X3 = [conv_block(c, 128, 3) for c in (1024, 512, 256)]
HEAD = 128 * 14 + 14
HEAD_3X3 = 128 * 14 * 9 + 14


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(side: int = 128, batch: int = 2, channels: tuple[int, ...] = CHANNELS) -> list[Tensor]:
    generator = seeded(1)
    return [
        torch.randn(batch, count, side // stride, side // stride, generator=generator)
        for count, stride in zip(channels, (4, 8, 16, 32), strict=True)
    ]


def decoder(**changes) -> PylonDecoder:
    return PylonDecoder(CHANNELS, **({"classes": 3, "generator": seeded(), "width": 8} | changes))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, PA + sum(TWO_LAYER) + HEAD),
        ({"up": "small"}, PA + sum(SMALL) + HEAD),
        ({"up": "conv3x3"}, PA + sum(CONV3X3) + HEAD),
        ({"ups": 1}, PA + TWO_LAYER[0] + HEAD),
        ({"attention": False}, PA_MAIN + sum(TWO_LAYER) + HEAD),
        ({"head_kernel": 3}, PA + sum(TWO_LAYER) + HEAD_3X3),
        ({"gap": True}, PA + conv_block(2048, 128) + sum(TWO_LAYER) + HEAD),
        ({"norm": "group"}, PA + sum(TWO_LAYER) + HEAD),
    ],
    ids=str,
)
def test_parameters_as_counted_by_hand(changes, expected):
    assert count(PylonDecoder(RESNET50, 14, generator=seeded(), **changes)) == expected


def test_parameters_of_the_papers_model_as_one_number():
    assert (PA, TWO_LAYER, HEAD) == (363_015, [1_183_104, 329_600, 99_456], 1_806)
    with torch.device("meta"):
        model = pylon("resnet50", 14, generator=seeded(), weights="random")
    assert count(model) == 23_501_760 + 363_015 + 1_612_160 + 1_806 == 25_478_741


@pytest.mark.parametrize("side", [96, 160, 224, 256, 320])
@torch.no_grad()
def test_every_side_divisible_by_32_gives_a_map_at_stride_4(side):
    model = pylon("test_resnet", 3, generator=seeded(), weights="random", width=8).eval()
    found = model(torch.rand(1, 1, side, side, generator=seeded(1)))
    assert found.maps.shape == (1, 3, side // 4, side // 4)
    assert model.decoder.stride == 4
    assert torch.equal(found.logits, found.maps.amax((-2, -1)))


@torch.no_grad()
def test_heatmap_less_its_bias_is_the_cam_of_the_decoded_features():
    model = decoder().eval()
    nn.init.normal_(model.head.bias, generator=seeded(4))
    model, given = model.double(), [feature.double() for feature in features()]
    found, decoded = model(given), model.decoded(given)
    assert decoded.shape == (2, 8, 32, 32)
    expected = cam(decoded, model.head.weight[:, :, 0, 0])
    assert expected.std() > 0.1
    torch.testing.assert_close(found.maps - model.head.bias[:, None, None], expected)


@pytest.mark.parametrize("head_kernel", [1, 3])
def test_logits_are_maxima_in_float32_under_autocast(head_kernel):
    model = decoder(head_kernel=head_kernel).train()
    with torch.autocast("cpu", torch.bfloat16):
        found = model(features())
    assert (found.logits.dtype, found.maps.dtype) == (torch.float32, torch.float32)
    assert torch.equal(found.logits, found.maps.amax((-2, -1)))
    exact = decoder(head_kernel=head_kernel).train()(features())
    assert exact.maps.detach().std() > 0.5
    torch.testing.assert_close(found.maps, exact.maps, rtol=0, atol=0.3)
    found.logits.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())


def test_every_parameter_is_reached_by_the_loss():
    """By logits of either sign: a bias before batch norm cannot move anything, all else can."""
    model = PylonDecoder(CHANNELS, 3, generator=seeded(), width=8, gap=True).double().train()
    maps = [map_.double() for map_ in features(512, batch=4)]
    model(maps).logits.square().sum().backward()
    still = {name for name, p in model.named_parameters() if not bool((p.grad.abs() > 1e-9).any())}
    assert still == {name for name, _ in model.named_parameters() if name.endswith(".0.bias")}
