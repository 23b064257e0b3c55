"""The same work on the CPU and on the pretend GPU of ``fake_gpu``: equal to the last bit, or it is a fault."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tests.training.fake_gpu import fake_gpu

from papers_lib.sweep.context import Context
from tests.training.first_steps import first_start, steps

LOOP = "papers_lib/training/loop.py"  # looks at the losses at the end of an epoch


def step_on_both(config: Any) -> tuple[dict[str, int], dict[str, int]]:
    """An epoch of one step of a run on both devices.

    Returns: waits of the step on the GPU by file: for values, and for copies from the CPU.
    """
    here = steps(first_start(config, "cpu"))
    with fake_gpu(memory=0) as waits:  # data come from the CPU, batch by batch
        made = first_start(config, "cuda")
        waits.values.clear()
        waits.copies.clear()
        there = steps(made)
    _assert_equal(here, there)
    values, copies = _by_file(waits.values), _by_file(waits.copies)
    del values[LOOP]
    return dict(values), dict(copies)


def run_on_both(
    run: Callable[[Any, Context], Any], config: Any, data_root: Path, folder: Path
) -> dict[str, Any]:
    """A whole run on both devices. Returns: its metrics."""
    found = []
    for device in ("cpu", "cuda"):
        context = Context(device, data_root, folder / device)
        if device == "cpu":
            metrics = run(config, context)
        else:
            with fake_gpu():
                metrics = run(config, context)
        found.append((metrics, context.arrays))
    (here, arrays), (there, others) = found
    _assert_equal(here, there)
    _assert_equal(arrays, others)
    return here


def _assert_equal(here: dict[str, Any], there: dict[str, Any]) -> None:
    assert here.keys() == there.keys()
    pairs = {name: (np.asarray(value), np.asarray(there[name])) for name, value in here.items()}
    assert not [
        name for name, (a, b) in pairs.items() if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    ]


def _by_file(places: list[str]) -> Counter[str]:
    return Counter(place.partition(":")[0] for place in places if place != "elsewhere")
