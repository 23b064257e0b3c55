import torch

from heatmap_loss.digits_pretext import digit_canvases, digits_convolutions
from papers_lib.models.vgg_cardiac import small_vgg


def test_canvases_hold_the_digits_at_the_papers_size():
    images, labels = digit_canvases()
    assert images.shape == (1797, 1, 105, 135)
    assert float(images.min()) == -1
    assert float(images.max()) == 1
    assert labels.bincount().min() > 150


def test_pretrained_convolutions_are_the_same_each_time_and_not_the_initial_ones():
    torch.set_num_threads(1)
    first = digits_convolutions()
    digits_convolutions.cache_clear()
    again = digits_convolutions()
    assert all(torch.equal(first[name], again[name]) for name in first)
    fresh = small_vgg(torch.Generator().manual_seed(0)).convolutions.state_dict()
    assert all(not torch.equal(first[name], fresh[name]) for name in first)
    assert not any(value.requires_grad for value in first.values())
