"""Later stages on stored features are the encoder itself."""

import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.models.pyramid_encoder import LaterStages, pyramid_encoder

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


def test_faults(encoder):
    for given in (0, 5):
        with pytest.raises(ValueError, match=rf"given: expected 1 to 4 stages, got {given}"):
            LaterStages(encoder, given)
    with pytest.raises(ValueError, match=r"features: expected 2 stages, got 4"):
        LaterStages(encoder, 2)(encoder(IMAGES))


def test_a_network_with_branches_is_refused():
    with pytest.raises(
        UserError, match=r"^backbone: the stages of hrnet_w18_small do not run one after the other"
    ):
        LaterStages(made("hrnet_w18_small"), 2)
