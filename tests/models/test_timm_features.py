"""timm's features-only networks and the package's weights in them."""

import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.models.packaged_weights import packaged_state
from papers_lib.models.timm_features import last_places, load_packaged_features, timm_features


def network(name: str = "test_resnet", **changes) -> torch.nn.Module:
    return timm_features(
        name, **({"pretrained": False, "seed": 1, "in_channels": 3, "output_stride": 32} | changes)
    )


def test_random_weights_depend_on_the_seed_alone_and_torchs_generator_is_left():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (network(seed=seed).state_dict() for seed in (7, 7, 8))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layer4.0.conv1.weight"], other["layer4.0.conv1.weight"])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("resnet5O", {}, r"no network 'resnet5O'; near it .*resnet50"),
        (
            "densenet121",
            {"output_stride": 16},
            r"no features of densenet121 at output stride 16 \(.*output_stride",
        ),
        ("vgg11", {"output_stride": 16}, r"no features of vgg11 at output stride 16 \(AssertionError\)"),
        (
            "test_resnet.other",
            {"pretrained": True},
            r"no features of test_resnet\.other \(Invalid pretrained tag",
        ),
    ],
)
def test_what_timm_cannot_make_is_one_line(name, changes, message):
    with torch.device("meta"), pytest.raises(UserError, match=message) as caught:
        network(name, **changes)
    assert "\n" not in str(caught.value)


def test_weights_out_of_reach_are_one_line(monkeypatch):
    import timm

    def offline(*args, **kwargs):
        raise OSError("no network\nand a long story")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        UserError, match="weights of test_resnet are neither in timm's local cache nor"
    ) as caught:
        network(pretrained=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "efficientnet_lite2"])
def test_every_place_finds_the_packages_tensor(backbone):
    """Against the network with a classifier, whose loading is tested where it is."""
    from papers_lib.models.packaged_weights import load_packaged
    from papers_lib.models.timm_stages import timm_network

    state, found = packaged_state(backbone), network(f"tf_{backbone}")
    load_packaged_features(found, state)
    whole = timm_network(f"tf_{backbone}", pretrained=False, seed=0)
    load_packaged(whole, state)
    expected = whole.state_dict()
    out = {name for name in expected if name.startswith(("conv_head", "bn2"))}
    assert found.state_dict().keys() == expected.keys() - out
    assert all(torch.equal(value, expected[name]) for name, value in found.state_dict().items())


def test_one_channel_is_the_sum_over_the_colours():
    state, found = packaged_state("efficientnet_lite0"), network("tf_efficientnet_lite0", in_channels=1)
    load_packaged_features(found, state, in_channels=1)
    red, green, blue = state["_conv_stem.weight"].unbind(1)
    torch.testing.assert_close(found.conv_stem.weight[:, 0], red + green + blue)


def test_tensors_that_do_not_fit_are_named_in_one_line():
    state, found = packaged_state("efficientnet_lite0"), network("tf_efficientnet_lite0")
    for broken, message in (
        ({k: v for k, v in state.items() if k != "_bn0.bias"}, r"Missing key.*\"bn1\.bias\""),
        (state | {"_blocks.0._project_conv.more": torch.zeros(3)}, r"Unexpected key.*conv_pw\.more"),
        (state | {"_bn0.bias": torch.zeros(3)}, r"size mismatch for bn1\.bias"),
    ):
        with pytest.raises(ValueError, match=f"do not fit EfficientNetFeatures: .*{message}") as caught:
            load_packaged_features(found, broken)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="expected blocks 0 to 15, found"):
        load_packaged_features(found, packaged_state("efficientnet_lite2"))


@pytest.mark.parametrize(
    ("found", "wanted", "places"),
    [
        ([2, 4, 8, 16, 32], [4, 8, 16, 32], [1, 2, 3, 4]),
        ([1, 2, 4, 8, 16, 32], [2, 32], [1, 5]),
        ([4, 4, 8], [4, 8], [1, 2]),
        ([2, 4, 8, 16, 16], [8, 16, 16], [2, 3, 4]),
        ([2, 4, 8, 16, 16], [8, 16], [2, 4]),
        ([2, 4, 8, 16], [8, 16, 16], None),
        ([16, 16, 16], [4, 8, 16, 32], None),
        ([8, 4], [4, 8], None),
    ],
)
def test_last_places(found, wanted, places):
    assert last_places(found, wanted) == places
