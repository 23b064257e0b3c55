"""PA against a forward pass with fixed factors of 2, its mask, UP, group norm."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.models.heatmap_classifier import he_uniform
from papers_lib.models.pylon import PyramidDecoder, Upsampling

CHANNELS = (5, 6, 7, 9)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(side: int, batch: int = 2, dtype: torch.dtype = torch.float64) -> list[Tensor]:
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
    expected = fixed_factors(decoder.state_dict(), features(side))
    assert expected.shape == (2, 8, side // 4, side // 4)
    assert expected.std() > 0.1
    torch.testing.assert_close(decoder(features(side)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("up", "layers", "kernel"), [("two_layer", 2, 1), ("small", 1, 1), ("conv3x3", 1, 3)]
)
def test_up_adds_the_lateral_path_to_the_resized_map(up, layers, kernel):
    module = drawn(Upsampling(5, 8, up=up, norm="batch"))
    coarser = torch.randn(2, 8, 3, 4, generator=seeded(3), dtype=torch.float64)
    lateral = torch.randn(2, 5, 6, 8, generator=seeded(4), dtype=torch.float64)
    expected = lateral
    for layer in range(layers):
        expected = block(module.state_dict(), f"lateral.{layer}", expected)
    torch.testing.assert_close(module(coarser, lateral), double(coarser) + expected)
    assert [layer[0].kernel_size for layer in module.lateral] == [(kernel, kernel)] * layers
    assert len(module.lateral) == 1 or module.lateral[0][0].out_channels == 5


@pytest.mark.parametrize("norm", ["group", "group1"])
def test_under_group_norm_an_image_does_not_depend_on_its_batch(norm):
    decoder = PyramidDecoder(CHANNELS, width=8, norm=norm, gap=True).double().train()
    he_uniform(decoder, seeded(2))
    maps = features(256)
    together = decoder(maps)
    torch.testing.assert_close(decoder([map_[1:] for map_ in maps]), together[1:])
    assert not [layer for layer in decoder.modules() if isinstance(layer, nn.BatchNorm2d)]
