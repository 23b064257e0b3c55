"""Training steps timed side by side: all ways in turn, one step each, round after round, in one process.

A change of the machine's speed then meets all of them. The order within a round is drawn anew each time: none is
always after the same, whose memory it would take over. Ratios are those of medians.
"""

import random
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

WARM_UP = 1  # rounds left out


def interleaved(
    losses: Mapping[str, Callable[[], Tensor]],
    optimizer: torch.optim.Optimizer,
    rounds: int,
    device: str = "cpu",
    warm_up: int | None = None,
) -> dict[str, list[float]]:
    """Seconds of every training step by way: forward, loss, backward, optimizer.

    Args: losses, a way's name and its loss on the model that ``optimizer`` trains; rounds, steps of each; warm_up,
        rounds before them that do not count, ``WARM_UP`` if None.
    Returns: name → ``rounds`` seconds, in the order of ``losses``; position i is round i of all.
    """
    steps = {name: partial(_step, loss, optimizer) for name, loss in losses.items()}
    return alternating(steps, rounds, device, warm_up)


def alternating(
    actions: Mapping[str, Callable[[], Any]], rounds: int, device: str = "cpu", warm_up: int | None = None
) -> dict[str, list[float]]:
    """The same of actions of any kind, such as passes that train nothing."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    order = random.Random(0)
    before = WARM_UP if warm_up is None else warm_up
    for turn in range(before + rounds):
        for name in order.sample(list(actions), len(actions)):
            seconds = _seconds(actions[name], device)
            if turn >= before:
                times[name].append(seconds)
    return times


def _step(loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss().backward()
    optimizer.step()


def _seconds(action: Callable[[], Any], device: str) -> float:
    _wait(device)
    start = time.perf_counter()
    action()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def ratio_rows(
    times: Mapping[str, list[float]], base: str, network: str, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A row a way: median milliseconds, ratio of medians to ``base``, and quartiles of the ratio over rounds.

    Args: labels, a way's name in words; its name itself is the row's ``key``, for programs.
    """
    rows: list[dict[str, Any]] = []
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in times.items():
        ratios = sorted(a / b for a, b in zip(seconds, times[base], strict=True))
        low, high = ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]
        rows.append(
            {
                "key": name,
                "network": network,
                "step": labels[name],
                "median ms": round(1000 * median[name], 2),
                f"ratio to {labels[base]}": round(median[name] / median[base], 3),
                "quartiles of the ratio": f"{low:.2f} to {high:.2f}",
            }
        )
    return rows


def rows_over(
    times: Mapping[str, list[float]], base: str, network: str, labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """As :func:`ratio_rows`, with one column "ratio" for all tables and "over" beside it."""
    rows = ratio_rows(times, base, network, labels)
    return [row | {"ratio": row.pop(f"ratio to {labels[base]}"), "over": labels[base]} for row in rows]
