"""What runs do otherwise on a GPU than on a CPU: the one test for it, how many runs share one, compiled models.

Code under ``if on_gpu(device):``, and the modules ``gpu`` and ``gpu_…`` themselves, count for the keys of GPU results
only: see ``gpu_digest``.
"""

import os
from typing import TYPE_CHECKING

from papers_lib.errors import UserError

if TYPE_CHECKING:
    import torch

BYTES_A_RUN = 12 * 2**30
"""Of GPU memory: ResNet-50, batches of 64 radiographs of 256 px in bfloat16, with room to spare."""
MOST_AT_ONCE = 8  # runs on one GPU: they take turns, so that more would only wait for one another
FULL, COMPILED = "float32", "float32 compiled"
"""The sweep's ``precision``: what bfloat16 a run has is said by its config, what is compiled by this."""


def on_gpu(device: "str | torch.device") -> bool:
    """Whether tensors on ``device`` lie on a CUDA GPU.

    >>> [on_gpu(name) for name in ("cpu", "cuda", "cuda:1")]
    [False, True, True]
    """
    return str(device).partition(":")[0] == "cuda"


def at_once(device: str) -> int:
    """Runs that share a GPU where the user does not say: as many as its free memory and the CPU's cores take.

    A run has ``BYTES_A_RUN`` of memory; one that turns out to need more beside others is repeated alone.
    """
    from joblib import cpu_count

    return max(1, min(MOST_AT_ONCE, free_bytes(device) // BYTES_A_RUN, cpu_count(only_physical_cores=True)))


def free_bytes(device: "str | torch.device") -> int:
    """Memory that this process can still take on a GPU: free for all, or cached by this process and unused."""
    import torch

    if not torch.cuda.is_available():
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def precision_of(compiled: bool, device: str) -> str:
    """The sweep's ``precision`` for a notebook's parameter ``compiled``.

    Raises:
        UserError: compiled models are asked for on a CPU, where results are compared to the bit.
    """
    if compiled and not on_gpu(device):
        raise UserError(f"parameter compiled: found True on device {device}, expected False: it is for a GPU")
    return COMPILED if compiled else FULL


def compile_where_asked(module: "torch.nn.Module", precision: str) -> None:
    """Compile ``module`` in place where the sweep's ``precision`` says so; names in its state stay as they are.

    Its gradient must not be differentiated again: torch's compiled backward passes cannot be.
    """
    if precision == COMPILED:
        # Else every process that trains would start a process a core to compile with.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        module.compile()
