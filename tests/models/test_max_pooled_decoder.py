"""What the max-pooled decoders share: initial weights, the maximum, the number of features."""

import math

import pytest
import torch
from torch import nn

from papers_lib.models.heatmap_classifier import HeatmapOutput
from papers_lib.models.max_pooled_decoder import MaxPooledDecoder, four_channels, he_uniform, last_convolution
from tests.heatmap_decoders import SMALL, features, seeded


class First(MaxPooledDecoder):
    def decode(self, features):
        return self.body(features[0])


def made(seed: int = 0, **settings: int) -> First:
    with torch.random.fork_rng():
        body = nn.Sequential(nn.Conv2d(5, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 48, 1, bias=False))
    return First(body, 48, 6, generator=seeded(seed), **settings)


def test_maximum_of_the_maps():
    decoder = made(kernel=3)
    found = decoder(features())
    assert isinstance(found, HeatmapOutput)
    expected = decoder.head(decoder.body(features()[0]))
    assert expected.shape == (2, 6, 16, 16)
    torch.testing.assert_close(found.maps, expected)
    torch.testing.assert_close(found.logits, expected.amax((2, 3)))


def test_initial_weights_fill_their_intervals_and_biases_are_0():
    decoder = made()
    first, last = decoder.body[0], decoder.body[2]
    # He: sqrt(6 / fan in); Xavier: sqrt(6 / (fan in + fan out))
    for layer, bound in (
        (first, math.sqrt(6 / (9 * 5))),
        (last, math.sqrt(6 / 64)),
        (decoder.head, math.sqrt(6 / (48 + 6))),
    ):
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert abs(layer.weight.mean()) < 0.1 * bound
    assert first.bias.abs().max() == 0
    assert decoder.head.bias.abs().max() == 0


def test_the_generator_decides_and_torchs_own_is_left_alone():
    before = torch.get_rng_state()
    one, same, other = made(3), made(3), made(4)
    assert torch.equal(before, torch.get_rng_state())
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])
        assert torch.equal(tensor, other.state_dict()[name]) == name.endswith("bias")


def test_helpers():
    generator = seeded()
    assert he_uniform(nn.ReLU(), generator) is generator
    assert last_convolution(4, 2, kernel=3, generator=generator).weight.shape == (2, 4, 3, 3)
    assert four_channels(SMALL) == list(SMALL)
    with pytest.raises(ValueError, match=r"channels: expected those of four stages, .* got \(1, 2\)"):
        four_channels((1, 2))


def test_number_of_features():
    with pytest.raises(ValueError, match="features: expected 4 maps, finest first, got 3"):
        made()(features()[1:])
