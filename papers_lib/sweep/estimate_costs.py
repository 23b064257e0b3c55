"""What the estimates of all papers count with: sums over runs, and the memory that this process took at most."""

import resource
import sys
from dataclasses import dataclass, field

from papers_lib.training.gpu import on_gpu


@dataclass
class Costs:
    """Sums over all runs; seconds by arm and of each run."""

    each: list[float] = field(default_factory=list)
    by_arm: dict[str, float] = field(default_factory=dict)
    memory: float = 0.0
    records: float = 0.0


def peak_bytes(device: str = "cpu") -> int:
    """Memory that this process has taken at most up to now; on a GPU, what torch took of the device's."""
    if on_gpu(device):
        import torch

        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024  # kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def side_by_side(count: int, device: str) -> int:
    """How many of ``count`` processes' work adds up: all of them on the cores of a CPU, one on a GPU.

    On a GPU they take turns. How much they gain on each other depends on the model and the GPU: counted as nothing,
    so that the hours are rather too many.
    """
    return 1 if on_gpu(device) else count


def timed_on(device: str) -> str:
    """The end of an estimate's sentence: what was timed, or that it knows nothing of a GPU."""
    if not on_gpu(device):
        return "GPU hours unknown, none was timed"
    import torch

    return f"timed on {torch.cuda.get_device_name(device)}, runs that share it counted one after the other"
