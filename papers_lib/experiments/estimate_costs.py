"""What the estimates of all papers count with: sums over runs, and the memory that this process took at most."""

import resource
import sys
from dataclasses import dataclass, field


@dataclass
class Costs:
    """Sums over all runs; seconds by arm and of each run."""

    each: list[float] = field(default_factory=list)
    by_arm: dict[str, float] = field(default_factory=dict)
    memory: float = 0.0
    records: float = 0.0


def peak_bytes(device: str = "cpu") -> int:
    """Memory that this process has taken at most up to now; on a GPU, what torch took of the device's."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024  # kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
