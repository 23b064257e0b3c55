"""The global maximum and its gradient, the start near the prevalence, and a classifier without an encoder."""

import pytest
import torch
from torch import nn

from papers_lib.models.heatmap_classifier import HeatmapClassifier, max_pool_logits, max_pooled


class Seen(nn.Module):
    """A decoder that keeps what it was given."""

    def forward(self, features):
        self.features = features
        return max_pooled(features[0])


def test_maximum_and_its_gradient_are_one_cell_also_among_equals():
    maps = torch.tensor([[[[1.0, 5.0], [5.0, 5.0]], [[-3.0, -2.0], [-4.0, -9.0]]]], requires_grad=True)
    logits = max_pool_logits(maps)
    assert logits.tolist() == [[5.0, -2.0]]
    (logits * torch.tensor([1.0, 7.0])).sum().backward()
    assert maps.grad.flatten(2).sort().values.tolist() == [[[0, 0, 0, 1], [0, 0, 0, 7]]]
    assert maps.grad[0, 1, 0, 1] == 7


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_becomes_float32_and_double_stays(dtype):
    maps = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = max_pooled(maps.to(dtype))
    assert (found.logits.dtype, found.maps.dtype) == (torch.float32, torch.float32)
    assert torch.equal(found.logits, maps.to(dtype).float().amax((-2, -1)))
    assert max_pooled(maps.double()).logits.dtype == torch.float64


def test_features_come_channels_last_on_a_cpu_and_are_not_copied_twice():
    model = HeatmapClassifier(None, Seen())
    feature = torch.rand(2, 3, 4, 5)
    model.from_features([feature])
    (given,) = model.decoder.features
    assert torch.equal(given, feature)
    assert given.is_contiguous(memory_format=torch.channels_last)
    model.from_features([given])
    assert model.decoder.features[0] is given
