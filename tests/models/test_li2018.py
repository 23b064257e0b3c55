"""Li 2018: the network from functions, its pooling, its start, its parameters by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from papers_lib.models.li2018 import LiDecoder
from tests.heatmap_decoders import CLASSES, RESNET50, SMALL, features, parameters, seeded


def test_parameters_by_hand():
    expected = 9 * 2048 * 512 + 512 + 2 * 512 + 512 * 14 + 14
    for norm in ("batch", "group", "group1"):
        assert parameters(LiDecoder(RESNET50, 14, generator=seeded(), norm=norm)) == expected == 9_445_902


@pytest.mark.parametrize("side", [(96, 160), (640, 640), (768, 1024)])
def test_against_functions(side):
    decoder = LiDecoder(SMALL, CLASSES, generator=seeded(), width=32).double().eval()
    given = [feature.double() for feature in features(side=side)]
    found = decoder(given)
    x = nn.UpsamplingBilinear2d((20, 20))(given[-1])  # corners aligned
    conv, norm = decoder.block[0], decoder.block[1]
    x = F.conv2d(x, conv.weight, conv.bias, padding=1) / (1 + norm.eps) ** 0.5  # running mean 0, variance 1
    maps = F.conv2d(x.relu(), decoder.head.weight, decoder.head.bias)
    torch.testing.assert_close(found.maps, maps)
    q = 0.02 * (1 - maps.sigmoid()) + 0.98
    P = 1 - q.flatten(2).prod(-1)
    torch.testing.assert_close(found.logits, (P / (1 - P)).log())


def test_norm_layers():
    assert isinstance(LiDecoder(SMALL, 2, generator=seeded()).block[1], nn.BatchNorm2d)
    for width, groups in ((512, 32), (128, 8), (8, 1)):
        layer = LiDecoder(SMALL, 2, generator=seeded(), width=width, norm="group").block[1]
        assert (layer.num_groups, layer.num_channels) == (groups, width)
    assert LiDecoder(SMALL, 2, generator=seeded(), norm="group1").block[1].num_groups == 1
    with pytest.raises(ValueError, match="norm: expected one of batch, group, group1, got 'layer'"):
        LiDecoder(SMALL, 2, generator=seeded(), norm="layer")


def test_starts_at_the_prevalence_exactly_where_the_head_has_no_weights():
    decoder = LiDecoder(SMALL, CLASSES, generator=seeded(), width=32)
    prevalence = torch.tensor([0.003, 0.1, 0.9])
    decoder.start_at_prevalence(prevalence, scale=0)
    torch.testing.assert_close(decoder(features()).logits.sigmoid(), prevalence.expand(2, -1))
    with pytest.raises(ValueError, match="prevalence: expected"):
        decoder.start_at_prevalence(torch.tensor([0.0, 0.5, 0.5]))
    with pytest.raises(ValueError, match="prevalence: expected 3 classes"):
        decoder.start_at_prevalence(torch.tensor([0.5, 0.5]))
