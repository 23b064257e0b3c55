"""Ways to do the same, timed in turn: one of each, round after round, in an order drawn anew each round.

A change of the machine's speed then meets all of them. Ratios are those of medians.
"""

import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Row = dict[str, Any]


def alternating(
    ways: Mapping[str, Callable[[], Any]], rounds: int, device: str = "cpu", warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of every way, by round; ``warm_up`` rounds before them do not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = random.Random(0)
    for turn in range(warm_up + rounds):
        for name in order.sample(list(ways), len(ways)):
            _wait(device)
            start = time.perf_counter()
            ways[name]()
            _wait(device)
            if turn >= warm_up:
                times[name].append(time.perf_counter() - start)
    return times


def training_steps(
    losses: Mapping[str, Callable[[], Tensor]], optimizer: torch.optim.Optimizer
) -> dict[str, Callable[[], None]]:
    """Each loss as a training step: forward, loss, backward, optimizer."""

    def step(loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()

    return {name: lambda loss=loss: step(loss) for name, loss in losses.items()}


def ratio_rows(times: Mapping[str, list[float]], network: str, size: str) -> list[Row]:
    """A row for each way: median milliseconds, ratio of medians to the first way, quartiles of the ratio.

    >>> rows = ratio_rows({"plain": [1.0, 1.0], "ours": [1.5, 1.5]}, "VGG", "batch 4")
    >>> rows[1]["ratio"], rows[1]["over"], rows[1]["median ms"]
    (1.5, 'plain', 1500.0)
    """
    base, *_ = times
    rows = []
    for name, seconds in times.items():
        ratios = sorted(a / b for a, b in zip(seconds, times[base], strict=True))
        low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        median = statistics.median(seconds)
        rows.append(
            {
                "step": name,
                "network": network,
                "size": size,
                "median ms": round(1000 * median, 2),
                "ratio": round(median / statistics.median(times[base]), 3),
                "quartiles of the ratio": f"{low:.2f} to {high:.2f}",
                "over": base,
            }
        )
    return rows


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
