"""Masked-out area: levels by hand, options, what counts in the mean, and faults."""

import pytest
import torch
from torch import Tensor

from papers_lib.metrics.deletion import (
    ALREADY_NEGATIVE,
    FLIPPED,
    NEVER,
    MaskedOut,
    masked_out,
    mean_masked_out_area,
)
from tests.metrics.masked_out_models import random_net, seeded


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


def test_areas_are_those_of_whole_pixels():
    """0.5 % of 30 pixels is a pixel up to level 6 (3 %), and two from level 7 on: ceil(.15 s)."""
    found = masked_out(
        share_left, torch.ones(1, 1, 5, 6), torch.zeros(1, 2, 2), torch.tensor([0]), torch.tensor([28.0])
    )
    assert (found.step.item(), found.area.item()) == (7, pytest.approx(2 / 30))
    never = masked_out(
        share_left, torch.ones(1, 1, 5, 6), torch.zeros(1, 2, 2), torch.tensor([0]), torch.tensor([-1.0])
    )
    assert (never.area.item(), never.status.item()) == (1.0, NEVER)
    assert never.step.item() == 194  # ceil(.15 * 194) = 30: the rest of the 200 would mask nothing more


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


def test_fills_are_in_the_scale_of_the_images():
    seen: list[Tensor] = []
    images = torch.tensor([[[[1.0, 3.0]], [[2.0, 6.0]]]])

    def last_seen(fill) -> list[float]:
        masked_out(
            lambda x: seen.append(x) or share_left(x),
            images, torch.zeros(1, 1, 1), torch.tensor([0]), torch.tensor([-99.0]), step=1, fill=fill,
        )  # fmt: skip
        return seen[-1].flatten().tolist()

    assert last_seen("zero") == [0, 0, 0, 0]
    assert last_seen("image_mean") == [2, 2, 4, 4]
    assert last_seen(torch.tensor([0.5, -1.0], dtype=torch.float64)) == [0.5, 0.5, -1, -1]
    assert images.flatten().tolist() == [1, 3, 2, 6]


def test_nothing_is_left_behind():
    net = random_net(seeded(0))
    images = torch.ones(2, 2, 5, 5).double()
    found = masked_out(net, images, torch.zeros(2, 1, 1), torch.zeros(2).long(), torch.zeros(3))
    assert not found.area.requires_grad
    assert not net.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())
    with pytest.raises(ValueError, match="model: expected eval mode"):
        masked_out(net.train(), images, torch.zeros(2, 1, 1), torch.zeros(2).long(), torch.zeros(3))
    none = masked_out(
        share_left,
        images,
        torch.zeros(0, 1, 1),
        torch.zeros(0).long(),
        torch.zeros(1),
        owner=torch.zeros(0).long(),
    )
    assert (none.step.shape, none.passes, none.calls) == ((0,), 0, 0)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"maps": torch.zeros(3, 1, 1)}, r"expected images .* got \(2, 1, 4, 4\), \(3, 1, 1\), \(2,\)"),
        ({"maps": torch.tensor([[[0.0]], [[torch.nan]]])}, "map 1 holds NaN"),
        ({"target": torch.tensor([0, 2])}, "target: expected 0 to 1, got 0 to 2"),
        ({"thresholds": torch.tensor([0.0, torch.nan])}, "thresholds: that of a target class is NaN"),
        ({"step": 0.0}, r"expected a step in \(0, 1\] and batch >= 1, got 0.0 and 16"),
        ({"fill": "black"}, "fill: expected zero, image_mean or a colour, got 'black'"),
        ({"ties": "random"}, "ties: expected row_major, or random and a generator"),
        ({"model": share_left}, r"model: expected logits \(2, 2\), got \(2, 1\)"),
        ({"model": lambda x: torch.full((len(x), 2), torch.nan)}, "model: the logit of pair 0 is NaN"),
    ],
)
def test_bad_input(change, line):
    given = {
        "model": lambda x: share_left(x).expand(-1, 2), "images": torch.ones(2, 1, 4, 4),
        "maps": torch.zeros(2, 1, 1), "target": torch.tensor([0, 1]), "thresholds": torch.zeros(2),
    }  # fmt: skip
    with pytest.raises(ValueError, match=line):
        masked_out(**(given | change))


def test_what_counts_in_the_mean_is_an_option():
    status = torch.tensor([FLIPPED, ALREADY_NEGATIVE, NEVER, FLIPPED, ALREADY_NEGATIVE])
    areas = torch.tensor([0.25, 0.0, 1.0, 0.5, 0.0], dtype=torch.float64)
    found = MaskedOut(torch.tensor([50, 0, 200, 100, 0]), areas, status, 0, 0, 0)
    target = torch.tensor([0, 0, 1, 1, 2])
    mean = mean_masked_out_area(found, target, 4)
    torch.testing.assert_close(
        mean.per_class, torch.tensor([0.25, 0.75, torch.nan, torch.nan]).double(), equal_nan=True
    )
    assert mean.pairs.tolist() == [1, 2, 0, 0]
    assert (mean.macro, mean.weighted) == pytest.approx((0.5, 1.75 / 3))
    mean = mean_masked_out_area(found, target, 3, already_negative="zero", never="skip")
    assert mean.per_class.tolist() == [0.125, 0.5, 0.0]
    assert (mean.macro, mean.weighted) == pytest.approx((0.625 / 3, 0.75 / 4))
    for options, line in (
        ({"already_negative": "one"}, "already_negative: expected skip or zero, got 'one'"),
        ({"never": "zero"}, "never: expected one or skip, got 'zero'"),
        ({"classes": 2}, "target: expected 5 classes below 2"),
    ):
        with pytest.raises(ValueError, match=line):
            mean_masked_out_area(found, **({"target": target, "classes": 3} | options))
    negative = MaskedOut(torch.tensor([0]), torch.zeros(1), torch.tensor([ALREADY_NEGATIVE]), 1, 1, 201)
    with pytest.raises(ValueError, match="no pair of an image and a class counts"):
        mean_masked_out_area(negative, torch.tensor([0]), 1)
