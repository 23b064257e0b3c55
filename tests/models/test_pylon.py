"""PYLON: parameter counts by hand, sides, strides, initial weights, the CAM in its map, and the start of training."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.cams import cam
from papers_lib.models.heatmap_classifier import he_uniform
from papers_lib.models.pylon import PylonDecoder, PyramidDecoder, pylon

CHANNELS = (5, 6, 7, 9)


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
    found, decoded = model(given), model.decode(given)
    assert decoded.shape == (2, 8, 32, 32)
    expected = cam(decoded, model.head.weight[:, :, 0, 0])
    assert expected.std() > 0.1
    torch.testing.assert_close(found.maps - model.head.bias[:, None, None], expected)


def finer(side: int, batch: int = 2, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = seeded(1)
    return [
        torch.randn(batch, count, side // stride, side // stride, generator=generator).to(dtype)
        for count, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]


def drawn(module: nn.Module) -> nn.Module:
    """In eval mode, with weights and statistics of every layer other than they start."""
    generator = he_uniform(module, seeded(2))
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(layer.bias, 0.3, 0.3, generator=generator)
    return module.double().eval().requires_grad_(False)


def block(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Convolution, batch norm, ReLU from the names of the state alone."""
    weight, bias = state[f"{name}.0.weight"], state[f"{name}.0.bias"]
    x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
    mean, var, scale, shift = (
        state[f"{name}.1.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return ((x - mean) / (var + 1e-5).sqrt() * scale + shift).clamp(min=0)


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def fixed_factors(state: dict[str, Tensor], maps: list[Tensor]) -> Tensor:
    """Figure 1B with 2X and 0.5x as they stand."""
    x = maps[-1]
    d1 = block(state, "attention.down.0", F.max_pool2d(x, 2))
    d2 = block(state, "attention.down.1", F.max_pool2d(d1, 2))
    d3 = block(state, "attention.down.2", F.max_pool2d(d2, 2))
    mask = double(block(state, "attention.lateral.2", d3))
    mask = double(mask + block(state, "attention.lateral.1", d2))
    mask = double(mask + block(state, "attention.lateral.0", d1))
    x = block(state, "attention.main", x) * mask
    for number, lateral in enumerate(maps[-2::-1]):
        for layer in range(2):
            lateral = block(state, f"ups.{number}.lateral.{layer}", lateral)
        x = double(x) + lateral
    return x


@pytest.mark.parametrize("side", [256, 512])
def test_decoded_features_equal_fixed_factors_of_two_where_these_fit(side):
    decoder = drawn(PyramidDecoder(CHANNELS, width=8))
    expected = fixed_factors(decoder.state_dict(), finer(side))
    assert expected.shape == (2, 8, side // 4, side // 4)
    assert expected.std() > 0.1
    torch.testing.assert_close(decoder(finer(side)), expected, rtol=1e-12, atol=1e-12)
