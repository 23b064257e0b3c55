import torch

from benchmarks.heatmap_loss_steps import LABELS, WAYS, measure
from papers_lib.models.vgg_cardiac import small_vgg


def test_the_three_ways_are_the_same_loss():
    """Else their times would compare nothing: value and parameter gradients agree in double precision."""
    x = torch.rand(4, 1, 105, 135, generator=torch.Generator().manual_seed(0)).double()
    y, outside = torch.arange(4), torch.rand(4, 6, 8).double()
    found = {}
    for name in (name for name in WAYS if LABELS[name].startswith("heatmap")):
        model = small_vgg(torch.Generator().manual_seed(1)).double()
        loss = WAYS[name](model, x, y, outside)
        loss.backward()
        found[name] = (loss.detach(), [p.grad for p in model.parameters()])
    (first, gradients), *others = found.values()
    assert len(others) == 2
    for loss, same in others:
        torch.testing.assert_close(loss, first, rtol=0, atol=1e-12)
        for a, b in zip(gradients, same, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_every_way_is_timed_in_every_round():
    times = measure("small VGG", rounds=2)
    assert {name: len(seconds) for name, seconds in times.items()} == dict.fromkeys(WAYS, 2)
    assert set(LABELS) == set(WAYS)
    assert min(min(seconds) for seconds in times.values()) > 0
