"""Deletion curves of linear models, whose values can be worked by hand; the best order by enumeration."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.metrics.deletion import (
    ALREADY_NEGATIVE,
    FLIPPED,
    NEVER,
    deletion_area,
    deletion_curve,
    masked_out,
)
from papers_lib.metrics.overlap import resize_maps


def share_left(images: Tensor) -> Tensor:
    """A linear model: the sum of the pixels."""
    return images.sum((1, 2, 3))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_curve_by_hand():
    """2 x 2 cells over 4 x 4 pixels; cells sum to .1, .2, .3, .4, deleted ones to .25; the order is 2, 1, 0, 3."""
    cells = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    image = cells.repeat_interleave(2, 0).repeat_interleave(2, 1)[None, None] / 4
    maps = torch.tensor([[[0.5, 2.0], [7.0, -1.0]]])
    shares = [0, 0.25, 0.3, 0.75, 1]
    curve = deletion_curve(share_left, image, maps, shares)
    torch.testing.assert_close(curve, torch.tensor([[1.0, 0.95, 1.0, 1.15, 1.0]]))
    # .25 · 1.95/2 + .05 · 1.95/2 + .45 · 2.15/2 + .25 · 2.15/2
    assert float(deletion_area(curve, shares)) == pytest.approx(0.24375 + 0.04875 + 0.48375 + 0.26875)


@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 4))
def test_only_the_order_counts_and_images_do_not_mix(seed, height, width):
    generator = seeded(seed)
    images, maps = (
        torch.rand(3, 2, 8, 7, generator=generator),
        torch.randn(3, height, width, generator=generator),
    )
    weights = torch.rand(2, 8, 7, generator=generator)
    shares = [0.1, 0.4, 1.0]

    def curve(images: Tensor, maps: Tensor) -> Tensor:
        return deletion_curve(lambda x: (x * weights).sum((1, 2, 3)), images, maps, shares)

    together = curve(images, maps)
    torch.testing.assert_close(curve(images, 3 * maps.double() - 7), together)
    singly = torch.cat([curve(images[i : i + 1], maps[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(singly, together)


Model = Callable[[Tensor], Tensor]


def trajectory(
    model: Model, image: Tensor, heat: Tensor, target: int, step: float, fill: Tensor
) -> list[float]:
    """The logit at every level, in plain Python: one pair, one level, one image at a time."""
    height, width = image.shape[-2:]
    values = resize_maps(heat[None], (height, width))[0].flatten().tolist()
    order = sorted(range(height * width), key=lambda pixel: (-values[pixel], pixel))
    logits = []
    levels = round(1 / step)
    for level in range(levels + 1):
        masked = image.clone()
        count = -(-level * height * width // levels)  # ceil
        for pixel in order[:count]:
            masked[:, pixel // width, pixel % width] = fill
        logits.append(model(masked[None])[0, target].item())
    return logits


def plain_loop(logits: list[float], threshold: float) -> tuple[int, int, int]:
    """Step, status and passes of a loop that stops at the first negative prediction."""
    for level, logit in enumerate(logits):
        if not logit > threshold:
            return level, FLIPPED if level else ALREADY_NEGATIVE, level + 1
    return len(logits) - 1, NEVER, len(logits)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**31), batch=st.sampled_from([1, 2, 5, 16]), coarse=st.booleans())
def test_equals_the_plain_loop(seed, batch, coarse):
    generator = seeded(seed)
    images = torch.randn(4, 2, 10, 8, generator=generator).double()
    net = random_net(generator)
    owner = torch.randint(4, (9,), generator=generator)
    target = torch.randint(3, (9,), generator=generator)
    maps = torch.randn(9, *((3, 4) if coarse else (10, 8)), generator=generator)
    maps = maps.mul(2).round() if seed % 2 else maps  # every other time with ties
    colour = torch.tensor([0.25, -0.5], dtype=torch.float64)
    with torch.no_grad():
        thresholds = net(images).median(0).values - 0.5
        logits = [
            trajectory(net, images[i], maps[p], k, 0.05, colour)
            for p, (i, k) in enumerate(zip(owner.tolist(), target.tolist(), strict=True))
        ]
    limits = thresholds[target].tolist()
    assume(min(abs(x - limit) for line, limit in zip(logits, limits, strict=True) for x in line) > 1e-9)
    expected = [plain_loop(line, limit) for line, limit in zip(logits, limits, strict=True)]
    found = masked_out(
        net, images, maps, target, thresholds, owner=owner, step=0.05, batch=batch,
        fill=colour,
    )  # fmt: skip
    assert found.step.tolist() == [step for step, _, _ in expected]
    assert found.status.tolist() == [status for _, status, _ in expected]
    assert found.passes == sum(passes for _, _, passes in expected)
    assert found.area.tolist() == [step * 4 / 80 for step in found.step.tolist()]
    if batch == 1:
        assert found.calls == found.passes


def random_net(generator: torch.Generator, classes: int = 3) -> nn.Sequential:
    """A small net whose logits rise and fall as pixels go; double precision, so that batches hardly matter."""
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Conv2d(6, classes, 1),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(),
    ).double()  # fmt: skip
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return net.eval()
