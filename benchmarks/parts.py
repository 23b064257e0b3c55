"""What ``python -m benchmarks`` measures, part by part, in the order of the table."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks import (
    cam_entropy_steps,
    heatmap_loss_steps,
    masked_out,
    models_an_hour,
    notebook_times,
    pylon_steps,
    sibnet_calibration_coherence,
    sibnet_calibration_rates,
    sibnet_calibration_steps,
)

Rows = list[dict[str, Any]]


class Benchmark(NamedTuple):
    """A part of the table.

    Fields:
        table: device → rows, see ``one_table.line``.
        what: that is timed, in words.
        threads: of the CPU; None, one a core; 0, as many as it takes.
        section: of the table.
        slug: paper whose page shows the rows, "" for none.
        asked: whether it runs only where it is named.
        lines: rows as ``one_table.line`` has them, where those of ``table`` are others.
    """

    table: Callable[[str], Rows]
    what: str
    threads: int | None
    section: str = ""
    slug: str = ""
    asked: bool = False
    lines: Callable[[Sequence[dict[str, Any]]], Rows] = list


def _gpu(device: str) -> Rows:
    from benchmarks import gpu_steps  # takes what a GPU alone needs

    return gpu_steps.table(device)


PARTS = {
    "heatmap_loss": Benchmark(
        heatmap_loss_steps.table,
        "batch 16, 105 x 135 px",
        1,
        "training step, heatmap loss",
        "heatmap_loss",
    ),
    "cam_entropy": Benchmark(
        cam_entropy_steps.table,
        "batch 20, 192 x 192 px, 20 classes, all layers trained",
        None,
        "training step, CAM entropy",
        "cam_entropy",
    ),
    "pylon": Benchmark(
        pylon_steps.table,
        "batch 4 (64 on a GPU), 256 x 256 px, one channel, 14 classes, all layers trained but where it says frozen",
        1,
        "training step, PYLON",
        "pylon",
    ),
    "sibnet_calibration": Benchmark(
        sibnet_calibration_steps.table,
        "batch 4 (16 on a GPU), 224 x 224 px, five classes, all layers trained; MIMO: 32 images of 96 x 96 px; "
        "variance: of the gradient of class distinctiveness, batch 8, 96 x 96 px, random weights",
        1,
        "training step, Sibnet losses",
        "sibnet_calibration",
    ),
    "masked_out": Benchmark(
        masked_out.table,
        "masked-out area: 16 pairs, 128 x 128 px, levels of 2 % of the area",
        1,
        "against a plain loop",
        "pylon",
    ),
    "coherence": Benchmark(
        sibnet_calibration_coherence.table,
        "spatial coherence: value and gradient, window 9; a loop over pixels is timed on one row of a map",
        1,
        "against a plain loop",
        "sibnet_calibration",
    ),
    "models": Benchmark(
        models_an_hour.table,
        "one sweep a row of whole runs, evaluation included; a thread a process, whose start counts",
        1,
        "models an hour",
    ),
    "notebooks": Benchmark(
        notebook_times.table,
        "a notebook from its first cell to its last, or, with an empty cache, the command from start to page",
        0,
        "seconds a notebook",
    ),
    "gpu": Benchmark(_gpu, "training steps in the ways that a GPU offers", None, "GPU", asked=True),
    "rates": Benchmark(
        sibnet_calibration_rates.run,
        sibnet_calibration_rates.WHAT,
        1,
        "class distinctiveness in equal time",
        asked=True,
        lines=sibnet_calibration_rates.lines,
    ),
}


def chosen(names: Sequence[str], device: str) -> list[str]:
    """The parts that are named, else all that need not be; ``gpu`` is among those where there is one."""
    if names:
        return [name for name in PARTS if name in names]
    return [name for name, part in PARTS.items() if not part.asked or (name == "gpu" and device == "cuda")]
