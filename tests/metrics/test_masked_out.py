"""Masked-out area: levels by hand, options, what counts in the mean, and faults."""

import torch
from torch import Tensor

from papers_lib.metrics.deletion import ALREADY_NEGATIVE, FLIPPED, NEVER, masked_out


def share_left(images: Tensor) -> Tensor:
    """A linear model of one class: the sum of the pixels."""
    return images.sum((1, 2, 3))[:, None]


def test_levels_by_hand():
    """Two rows of pixels 8 … 1; the map takes the columns from the right: sums 36, 27, 18, 9, 0 of .25 each."""
    image = torch.tensor([[[[8.0, 7, 6, 5], [1, 2, 3, 4]]]])
    heat = torch.tensor([[[0.0, 1, 2, 3], [0, 1, 2, 3]]])
    thresholds = torch.tensor([36.0, 27.0, 26.0, 9.0, 8.0, -1.0])

    def model(images: Tensor) -> Tensor:
        return share_left(images).expand(-1, 6)

    found = masked_out(
        model,
        image,
        heat.expand(6, 2, 4),
        torch.arange(6),
        thresholds,
        owner=torch.zeros(6).long(),
        step=0.25,
    )
    # 36 > 36 is false: negative from the start; 27 > 27 is false: the first step flips; nothing is below -1
    assert found.step.tolist() == [0, 1, 2, 3, 4, 4]
    assert found.area.tolist() == [0, 0.25, 0.5, 0.75, 1, 1]
    assert found.status.tolist() == [ALREADY_NEGATIVE, FLIPPED, FLIPPED, FLIPPED, FLIPPED, NEVER]
    assert (found.passes, found.all_levels) == (1 + 2 + 3 + 4 + 5 + 5, 6 * 5)


def test_batches_stay_full_while_pairs_wait():
    sizes, entered = [], []

    def model(images: Tensor) -> Tensor:
        sizes.append(len(images))
        entered.append(int((images.amin((1, 2, 3)) > 0).sum()))  # those with no pixel masked yet
        return share_left(images)

    images = torch.arange(1.0, 41)[:, None, None, None].expand(40, 1, 4, 5)  # sums 20, 40, … 800
    found = masked_out(
        model, images, torch.zeros(40, 1, 1), torch.zeros(40).long(), torch.tensor([30.0]), step=0.05
    )
    waiting = [sum(entered[: call + 1]) < 40 for call in range(len(sizes))]
    assert waiting.count(True) > 20
    assert {size for size, some in zip(sizes, waiting, strict=True) if some} == {16}
    assert (len(sizes), sum(sizes)) == (found.calls, found.passes)
    # image v keeps v (20 - s) at step s, which is at most 30 from s = 20 - 30 / v on
    assert found.step.tolist() == [max(0, -(-(20 * v - 30) // v)) for v in range(1, 41)]
    assert found.passes == int((found.step + 1).sum())
