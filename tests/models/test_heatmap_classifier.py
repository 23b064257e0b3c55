"""The global maximum and its gradient, the start near the prevalence, and a classifier without an encoder."""

import torch

from papers_lib.models.heatmap_classifier import max_pool_logits


def test_maximum_and_its_gradient_are_one_cell_also_among_equals():
    maps = torch.tensor([[[[1.0, 5.0], [5.0, 5.0]], [[-3.0, -2.0], [-4.0, -9.0]]]], requires_grad=True)
    logits = max_pool_logits(maps)
    assert logits.tolist() == [[5.0, -2.0]]
    (logits * torch.tensor([1.0, 7.0])).sum().backward()
    assert maps.grad.flatten(2).sort().values.tolist() == [[[0, 0, 0, 1], [0, 0, 0, 7]]]
    assert maps.grad[0, 1, 0, 1] == 7
