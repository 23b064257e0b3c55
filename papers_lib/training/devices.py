"""Where to train, and how much at once: found at run time, or as asked for."""

from papers_lib.errors import UserError
from papers_lib.training import gpu
from papers_lib.training.gpu import on_gpu

DEVICES = ("auto", "cpu", "cuda")


def pick_device(device: str) -> str:
    """ "cuda" or "cpu"; "auto" takes the GPU where there is one.

    Raises:
        UserError: an unknown name, or "cuda" where torch sees no GPU.
    """
    import torch

    if device not in DEVICES:
        raise UserError(f"parameter device: found {device!r}, expected one of {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "parameter device: found 'cuda', but torch sees no GPU here; expected 'auto' or 'cpu'"
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def processes(jobs: int, device: str) -> int:
    """Processes that train at once: ``jobs``, or where that is 0 one a physical core on the CPU.

    On a GPU 0 means as many as its free memory takes; see ``gpu.at_once``.
    """
    if jobs:
        return jobs
    if on_gpu(device):
        return gpu.at_once(device)
    if device.partition(":")[0] != "cpu":
        return 1
    from joblib import cpu_count

    return int(cpu_count(only_physical_cores=True))
