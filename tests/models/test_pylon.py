"""PYLON: parameter counts by hand, sides, strides, initial weights, the CAM in its map, and the start of training."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.cams import cam, grad_cam, head_gradients
from papers_lib.models.heatmap_classifier import max_pool_logits
from papers_lib.models.pylon import ConventionalHead, PylonDecoder, pylon
from papers_lib.models.pyramid_encoder import pyramid_encoder

CHANNELS = (5, 6, 7, 9)
RESNET50 = (256, 512, 1024, 2048)

# timm's ResNet-50 without its Dense layer has 23,508,032 parameters; one channel saves two of three in its first layer.
ENCODER = 23_508_032 - 2 * 64 * 7 * 7


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


@pytest.fixture(scope="module")
def resnet50() -> nn.Module:
    return pyramid_encoder("resnet50", generator=seeded(), weights="random", in_channels=1)


def test_the_encoder_is_resnet50(resnet50):
    assert resnet50.channels == RESNET50
    assert count(resnet50) == ENCODER == 23_501_760


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, PA + sum(TWO_LAYER) + HEAD),
        ({"up": "small"}, PA + sum(SMALL) + HEAD),
        ({"up": "conv3x3"}, PA + sum(CONV3X3) + HEAD),
        ({"ups": 0}, PA + HEAD),
        ({"ups": 1}, PA + TWO_LAYER[0] + HEAD),
        ({"ups": 2}, PA + TWO_LAYER[0] + TWO_LAYER[1] + HEAD),
        ({"ups": 2, "up": "small"}, PA + SMALL[0] + SMALL[1] + HEAD),
        ({"attention": False}, PA_MAIN + sum(TWO_LAYER) + HEAD),
        ({"head_kernel": 3}, PA + sum(TWO_LAYER) + HEAD_3X3),
        ({"gap": True}, PA + conv_block(2048, 128) + sum(TWO_LAYER) + HEAD),
        ({"norm": "group"}, PA + sum(TWO_LAYER) + HEAD),
        ({"norm": "group1"}, PA + sum(TWO_LAYER) + HEAD),
    ],
    ids=str,
)
def test_parameters_as_counted_by_hand(resnet50, changes, expected):
    assert (
        count(resnet50) + count(PylonDecoder(RESNET50, 14, generator=seeded(), **changes))
        == ENCODER + expected
    )


def test_parameters_of_the_papers_model_as_one_number():
    assert (PA, TWO_LAYER, HEAD) == (363_015, [1_183_104, 329_600, 99_456], 1_806)
    with torch.device("meta"):
        model = pylon("resnet50", 14, generator=seeded(), weights="random")
    assert count(model) == 23_501_760 + 363_015 + 1_612_160 + 1_806 == 25_478_741


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_parameters_of_the_conventional_head(layers):
    model = ConventionalHead(RESNET50, 14, generator=seeded(), layers=layers)
    assert count(model) == PA + sum(TWO_LAYER) + (layers - 1) * (128 * 128 + 128) + HEAD


@pytest.mark.parametrize("side", [96, 160, 224, 256, 320])
@torch.no_grad()
def test_every_side_divisible_by_32_gives_a_map_at_stride_4(side):
    model = pylon("test_resnet", 3, generator=seeded(), weights="random", width=8).eval()
    found = model(torch.rand(1, 1, side, side, generator=seeded(1)))
    assert found.maps.shape == (1, 3, side // 4, side // 4)
    assert model.decoder.stride == 4
    assert torch.equal(found.logits, found.maps.amax((-2, -1)))


@pytest.mark.parametrize(("ups", "stride"), [(0, 32), (1, 16), (2, 8), (3, 4)])
@pytest.mark.parametrize("up", ["two_layer", "small", "conv3x3"])
@torch.no_grad()
def test_each_up_halves_the_stride(ups, stride, up):
    model = decoder(ups=ups, up=up)
    assert model.stride == stride
    maps = features(160)
    found = model(maps)
    assert found.maps.shape == (2, 3, 160 // stride, 160 // stride)
    ignored = [torch.full_like(map_, torch.nan) for map_ in maps[: 3 - ups]]
    assert found.maps.isfinite().all()
    assert model([*ignored, *maps[3 - ups :]]).maps.isfinite().all()


@torch.no_grad()
def test_heatmap_less_its_bias_is_the_cam_of_the_decoded_features():
    model = decoder().eval()
    nn.init.normal_(model.head.bias, generator=seeded(4))
    found, decoded = model(features()), model.decoded(features())
    assert decoded.shape == (2, 8, 32, 32)
    expected = cam(decoded, model.head.weight[:, :, 0, 0])
    assert expected.std() > 0.1
    torch.testing.assert_close(found.maps - model.head.bias[:, None, None], expected, rtol=1e-4, atol=1e-5)


def test_grad_cam_without_relu_is_the_cam_scaled():
    """Max pooling passes one cell of h · w, so that α = w / (h · w): an identity, whatever the weights."""
    model = decoder().eval()
    decoded = model.decoded(features()).detach()
    _, gradients = head_gradients(lambda a: max_pool_logits(model.head(a)), decoded, "all")
    maps = grad_cam(decoded, gradients)
    torch.testing.assert_close(
        maps * 32 * 32, cam(decoded, model.head.weight[:, :, 0, 0]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("head_kernel", [1, 3])
def test_logits_are_maxima_in_float32_under_autocast(head_kernel):
    model = decoder(head_kernel=head_kernel).train()
    with torch.autocast("cpu", torch.bfloat16):
        found = model(features())
    assert (found.logits.dtype, found.maps.dtype) == (torch.float32, torch.float32)
    assert torch.equal(found.logits, found.maps.amax((-2, -1)))
    exact = decoder(head_kernel=head_kernel).train()(features())
    assert exact.maps.detach().std() > 0.5
    torch.testing.assert_close(found.maps, exact.maps, rtol=0, atol=0.1)
    found.logits.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())


def test_every_parameter_is_reached_by_the_loss():
    """By logits of either sign: a bias before batch norm cannot move anything, all else can."""
    model = PylonDecoder(CHANNELS, 3, generator=seeded(), width=8, gap=True).double().train()
    maps = [map_.double() for map_ in features(512, batch=4)]
    model(maps).logits.square().sum().backward()
    still = {name for name, p in model.named_parameters() if not bool((p.grad.abs() > 1e-9).any())}
    assert still == {name for name, _ in model.named_parameters() if name.endswith(".0.bias")}


def test_initial_weights_are_he_and_xavier_uniform_with_zero_biases():
    model = PylonDecoder(RESNET50, 14, generator=seeded())
    for name, layer in model.named_modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        fan_in, fan_out = (layer.weight[0].numel(), layer.weight[:, 0].numel())
        limit = math.sqrt(6 / (fan_in + fan_out) if name == "head" else 6 / fan_in)
        assert layer.weight.abs().max() <= limit, name
        assert not layer.bias.any()
        if layer.weight.numel() > 1000:
            assert layer.weight.abs().max() > 0.99 * limit
            assert float(layer.weight.detach().std()) == pytest.approx(limit / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("kind", [PylonDecoder, ConventionalHead])
def test_initial_weights_come_from_the_generator_and_torchs_is_left(kind):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first, again, other = (kind(CHANNELS, 3, generator=seeded(seed), width=8) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(2), expected)
    weights = [[p for p in model.parameters() if p.ndim > 1] for model in (first, again, other)]
    for one, same, another in zip(*weights, strict=True):
        assert torch.equal(one, same)
        assert not torch.equal(one, another)


def expected_loss(logits: Tensor, prevalence: Tensor) -> Tensor:
    """Mean binary cross-entropy of labels that are 1 as often as the prevalence says, whatever the image."""
    return F.binary_cross_entropy_with_logits(logits, prevalence.expand_as(logits))


@pytest.mark.parametrize(
    "changes", [{}, {"ups": 0}, {"up": "small"}, {"head_kernel": 3}, {"norm": "group"}, "conventional"]
)
@torch.no_grad()
def test_training_starts_near_the_prevalence(changes):
    prevalence = torch.tensor([0.02, 0.1, 0.3, 0.5])
    channels = (24, 40, 112, 320)
    if changes == "conventional":
        model = ConventionalHead(channels, 4, generator=seeded(), width=32)
    else:
        model = PylonDecoder(channels, 4, generator=seeded(), width=32, **changes)
    maps = features(160, batch=8, channels=channels)
    before = expected_loss(model(maps).logits, prevalence)
    model.start_at_prevalence(prevalence)
    logits = model(maps).logits
    entropy = -(prevalence * prevalence.log() + (1 - prevalence) * (1 - prevalence).log()).mean()
    assert entropy == pytest.approx(0.4318, abs=1e-4)
    assert entropy + 0.15 < before
    assert entropy <= expected_loss(logits, prevalence) < entropy + 0.02
    torch.testing.assert_close(logits.sigmoid().mean(0), prevalence, rtol=0.3, atol=0.01)


def test_a_conventional_head_of_one_layer_is_linear_in_the_mean():
    model = ConventionalHead(CHANNELS, 3, generator=seeded(), layers=1, width=8, up="small").eval()
    found = model(features())
    assert found.maps is None
    expected = model.body(features()).mean((2, 3)) @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(found.logits, expected)
    deep = ConventionalHead(CHANNELS, 3, generator=seeded(), layers=3, width=8)
    assert [type(layer) for layer in deep.hidden] == [nn.Linear, nn.ReLU] * 2
    with torch.autocast("cpu", torch.bfloat16):
        assert deep(features()).logits.dtype == torch.float32


@pytest.mark.parametrize("norm", ["group", "group1"])
def test_group_norm_serves_a_single_image_at_256_px(norm):
    model = decoder(norm=norm, gap=True).train()
    assert model(features(256, batch=1)).maps.isfinite().all()


def test_settings_outside_the_choices_are_refused():
    with pytest.raises(ValueError, match="head_kernel: expected 1 or 3, got 2"):
        decoder(head_kernel=2)
    with pytest.raises(ValueError, match="layers: expected 1, 2 or 3, got 4"):
        ConventionalHead(CHANNELS, 3, generator=seeded(), layers=4)
