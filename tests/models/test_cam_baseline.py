"""The CAM baseline: the map by hand, and the identity with Grad-CAM that the paper's tables rest on."""

import pytest
import torch
from torch import nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.models.cam_baseline import CamDecoder
from tests.heatmap_decoders import CLASSES, SMALL, features, parameters, seeded


def test_by_hand():
    decoder = CamDecoder((9, 2), 1, generator=seeded())
    with torch.no_grad():
        decoder.head.weight.copy_(torch.tensor([2.0, -1.0])[None, :, None, None])
        decoder.head.bias.fill_(0.5)
    last = torch.tensor([[[[1.0, 3.0]], [[1.0, 7.0]]]])
    found = decoder([torch.zeros(1, 9, 2, 4), last])
    assert found.maps.tolist() == [[[[1.5, -0.5]]]]  # 2 - 1 + .5; 6 - 7 + .5
    assert found.logits.tolist() == [[1.5]]


@pytest.mark.parametrize("norm", [False, True])
def test_grad_cam_without_relu_is_the_cam_less_its_bias_over_the_cells(norm):
    """The maximum passes its gradient to one cell, which the mean over cells then divides by their number."""
    decoder = CamDecoder(SMALL, CLASSES, generator=seeded(), norm=norm).double().eval()
    nn.init.uniform_(decoder.head.bias, generator=seeded(2))
    given = [feature.double() for feature in features(side=160)]
    found = decoder(given)
    inner = nn.Sequential(decoder.head, nn.AdaptiveMaxPool2d(1), nn.Flatten())
    activations = decoder.body(given[-1])
    logits, gradients = head_gradients(inner, activations, "all")
    torch.testing.assert_close(logits, found.logits)
    expected = (found.maps - decoder.head.bias[:, None, None]) / 25
    torch.testing.assert_close(grad_cam(activations, gradients), expected)


def test_parameters_stride_and_norm():
    assert parameters(CamDecoder((256, 512, 1024, 2048), 14, generator=seeded())) == 2048 * 14 + 14 == 28_686
    with_norm = CamDecoder(SMALL, CLASSES, generator=seeded(), norm=True)
    assert parameters(with_norm) == SMALL[-1] * CLASSES + CLASSES + 2 * SMALL[-1]
    given = features()
    shifted = [5 * feature + 3 for feature in given]  # a rescaled feature is the same to batch norm
    torch.testing.assert_close(with_norm(shifted).maps, with_norm(given).maps, rtol=1e-4, atol=1e-4)
    assert (with_norm.stride, CamDecoder(SMALL, 2, generator=seeded(), stride=16).stride) == (32, 16)
