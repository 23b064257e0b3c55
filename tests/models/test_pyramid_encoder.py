"""Features at the strides asked for, one channel against three, and per-channel standardisation."""

import copy

import pytest
import torch
from torch import Tensor

from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier
from papers_lib.models.pyramid_encoder import LaterStages, PyramidEncoder, pyramid_encoder


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(**changes) -> PyramidEncoder:
    return (
        pyramid_encoder("test_resnet", **({"generator": seeded(), "weights": "random"} | changes))
        .double()
        .eval()
    )


def images(batch: int = 2, channels: int = 3, height: int = 64, width: int = 96) -> Tensor:
    return torch.rand(batch, channels, height, width, generator=seeded(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def lite() -> PyramidEncoder:
    return pyramid_encoder("efficientnet_lite0", generator=seeded()).double().eval()


@pytest.mark.parametrize(
    ("backbone", "changes", "channels", "strides"),
    [
        ("resnet50", {"in_channels": 1, "output_stride": 16}, (256, 512, 1024, 2048), (4, 8, 16, 16)),
        ("resnet18", {"strides": (2, 4, 8, 16, 32)}, (64, 64, 128, 256, 512), (2, 4, 8, 16, 32)),
        ("efficientnet_lite0", {}, (24, 40, 112, 320), (4, 8, 16, 32)),
        ("densenet121", {}, (256, 512, 1024, 1024), (4, 8, 16, 32)),
        ("convnext_atto", {}, (40, 80, 160, 320), (4, 8, 16, 32)),
    ],
)
def test_channels_and_strides_of_backbones(backbone, changes, channels, strides):
    with torch.device("meta"):
        encoder = pyramid_encoder(backbone, generator=seeded(), weights="random", **changes)
        found = encoder(torch.empty(2, changes.get("in_channels", 3), 64, 96))
    assert (encoder.channels, encoder.strides) == (channels, strides)
    assert encoder.training
    sizes = [(2, count, 64 // stride, 96 // stride) for count, stride in zip(channels, strides, strict=True)]
    assert [tuple(map_.shape) for map_ in found] == sizes


@torch.no_grad()
def test_features_are_those_of_the_classifiers_stages(lite):
    """The packaged weights sit where pooled_classifier has them, whose maps are tested against the package's names."""
    stages = pooled_classifier("efficientnet_lite0", 2, generator=seeded()).double().eval().features
    x, expected = images(), {}
    for name, stage in stages.named_children():
        x = stage(x)
        expected[name] = x
    found = lite(images())
    for map_, name in zip(found, ("blocks_1", "blocks_2", "blocks_4", "blocks_6"), strict=True):
        torch.testing.assert_close(map_, expected[name])


@torch.no_grad()
def test_packaged_one_channel_gives_what_grey_colours_give(lite):
    one = pyramid_encoder("efficientnet_lite0", generator=seeded(), in_channels=1).double().eval()
    grey = images(channels=1)
    for map_, expected in zip(one(grey), lite(grey.expand(-1, 3, -1, -1)), strict=True):
        assert expected.std() > 0.1
        # The sum of the kernels is rounded to float32: 1e-7 of maps of order 1, through twenty layers.
        torch.testing.assert_close(map_, expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_standardised_features_have_mean_0_and_std_1_and_are_saved_so():
    encoder = small()
    raw = encoder(images())
    std_mean = [torch.std_mean(map_, (0, 2, 3)) for map_ in raw]
    encoder.standardise([mean for _, mean in std_mean], [std + 0.5 for std, _ in std_mean])
    for map_, before, (std, mean) in zip(encoder(images()), raw, std_mean, strict=True):
        torch.testing.assert_close(map_.mean((0, 2, 3)), torch.zeros_like(mean), rtol=0, atol=1e-5)
        torch.testing.assert_close(map_.std((0, 2, 3)), std / (std + 0.5))
        torch.testing.assert_close(map_[1, 3], (before[1, 3] - mean[3]) / (std[3] + 0.5))
    loaded = small(generator=seeded(9))
    loaded.load_state_dict(encoder.state_dict())
    plain = copy.deepcopy(loaded)
    plain.load_state_dict(small().state_dict())
    for ours, theirs in zip(loaded(images()), encoder(images()), strict=True):
        torch.testing.assert_close(ours, theirs)
    for ours, theirs in zip(plain(images()), raw, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("backbone", "changes", "message"),
    [
        ("test_vit", {}, r"maps of test_vit at strides \[4, 8, 16, 32\], timm gives \[16, 16, 16\]$"),
        (
            "test_resnet",
            {"weights": "imagenet"},
            "weights: expected one of packaged, timm, random, got 'imagenet'",
        ),
        ("efficientnet_lite0", {"weights": "packaged", "in_channels": 2}, "serve 1 or 3 channels, got 2"),
    ],
)
def test_what_cannot_be_is_one_line(backbone, changes, message):
    with pytest.raises(UserError, match=message) as caught:
        pyramid_encoder(backbone, **({"generator": seeded(), "weights": "random"} | changes))
    assert "\n" not in str(caught.value)


BACKBONES = {"efficientnet_lite0": "packaged", "resnet18": "random", "densenet121": "random"}
IMAGES = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def made(backbone, weights="random", **options):
    generator = torch.Generator().manual_seed(0)
    return (
        pyramid_encoder(backbone, generator=generator, weights=weights, in_channels=1, **options)
        .double()
        .eval()
    )


@pytest.fixture(scope="module", params=BACKBONES.items(), ids=BACKBONES.keys())
def encoder(request):
    return made(*request.param)


@pytest.mark.parametrize("given", [1, 2, 3, 4])
def test_given_features_and_the_later_layers_are_the_encoder(encoder, given):
    with torch.no_grad():
        features = encoder(IMAGES)
        before = [feature.clone() for feature in features]
        found = LaterStages(encoder, given)(features[:given])
    torch.testing.assert_close(found, before)
    assert all(torch.equal(a, b) for a, b in zip(features, before, strict=True))  # what was given stays


def test_a_dilated_last_stage():
    encoder = made("efficientnet_lite0", "packaged", output_stride=16)
    with torch.no_grad():
        features = encoder(IMAGES)
        found = LaterStages(encoder, 2)(features[:2])
    assert [feature.shape[-1] for feature in found] == [16, 8, 4, 4]
    torch.testing.assert_close(found, features)


def test_a_network_with_branches_is_refused():
    with pytest.raises(
        UserError, match=r"^backbone: the stages of hrnet_w18_small do not run one after the other"
    ):
        LaterStages(made("hrnet_w18_small"), 2)
