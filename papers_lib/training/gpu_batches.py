"""Where to train and in which precision, and rows of arrays on the device, from its memory or pinned memory."""

import os
import weakref

import numpy as np
import torch
from torch import Tensor

from papers_lib import processes
from papers_lib.errors import UserError
from papers_lib.processes import DEVICES, on_gpu
from papers_lib.sweep.records import at_end_of_run

FULL, COMPILED = "float32", "float32 compiled"
"""The sweep's ``precision``: a run's config says where it takes bfloat16, this what is compiled."""
PIECE = (
    2**28
)  # bytes that are copied to a GPU at a time, so that the host never holds a mapped array as a whole
RESIDENT_SHARE = 0.4  # of the free memory, that an array may fill to lie on the GPU as a whole

_resident: dict[tuple[int, str], tuple[weakref.ref[np.ndarray], Tensor | None]] = {}
"""Arrays by identity and device: the copy there, or None for one that did not fit."""


def to_device(values: Tensor, device: str | torch.device) -> Tensor:
    """A copy of host ``values`` on the device, on a GPU queued like any other work."""
    return values.pin_memory().to(device, non_blocking=True) if on_gpu(device) else values.to(device)


def sent(indices: Tensor, device: str | torch.device) -> Tensor:
    """A batch's ``indices`` on the device; ``cpu()`` gives the host's own, where a copy back from a GPU would wait."""
    moved = to_device(indices, device)
    if on_gpu(device):
        moved.cpu = lambda: indices  # type: ignore[method-assign, misc, assignment]
    return moved


def taken(array: np.ndarray, rows: np.ndarray, device: str | torch.device) -> Tensor:
    """``array[rows]`` on the device, of the same type; array (N, …), possibly mapped from a file, rows (n,).

    On a GPU an array that fits into ``RESIDENT_SHARE`` of the free memory is copied whole, and stays until
    :func:`release`.
    """
    there = _whole(array, device) if on_gpu(device) else None
    if there is not None:
        return there.index_select(0, to_device(torch.from_numpy(np.asarray(rows, np.int64)), device))
    return to_device(torch.from_numpy(np.asarray(array[rows])), device)


def release() -> None:
    """Forget the copies on GPUs and hand the memory back, for the runs of other processes."""
    _resident.clear()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


at_end_of_run.append(release)


def _whole(array: np.ndarray, device: str | torch.device) -> Tensor | None:
    place = (id(array), str(device))
    known = _resident.get(place)
    if known is not None and known[0]() is array:
        return known[1]
    copy = None
    if array.nbytes <= RESIDENT_SHARE * processes.free_bytes(device):
        rows = max(1, PIECE * len(array) // max(1, array.nbytes))
        pieces = (torch.from_numpy(np.array(array[n : n + rows])) for n in range(0, len(array), rows))
        try:
            copy = torch.empty(
                array.shape, dtype=torch.from_numpy(np.empty(0, array.dtype)).dtype, device=device
            )
            for number, piece in enumerate(pieces):
                copy[number * rows : (number + 1) * rows] = piece.to(device)
        except torch.OutOfMemoryError:  # another process took the room in the meantime
            copy = None
            torch.cuda.empty_cache()
    # A copy goes with its array; another array may then get the same identity.
    _resident[place] = weakref.ref(array, lambda _: _resident.pop(place, None)), copy
    return copy


def pick_device(device: str) -> str:
    """ "cuda" or "cpu"; "auto" takes the GPU where there is one. UserError for what is not there."""
    there = torch.cuda.is_available()
    if device not in DEVICES:
        raise UserError(f"parameter device: found {device!r}, expected one of {', '.join(DEVICES)}")
    if device == "cuda" and not there:
        raise UserError("parameter device: found 'cuda', but torch sees no GPU; expected 'auto' or 'cpu'")
    return ("cuda" if there else "cpu") if device == "auto" else device


def precision_of(compiled: bool, device: str) -> str:
    """The sweep's ``precision`` for a notebook's parameter ``compiled``, which a CPU gains nothing from."""
    if compiled and not on_gpu(device):
        raise UserError(f"parameter compiled: found True on device {device}, expected False: it is for a GPU")
    return COMPILED if compiled else FULL


def compile_where_asked(module: torch.nn.Module, precision: str) -> None:
    """Compile ``module`` in place where ``precision`` says so; its gradient must not be differentiated again."""
    if precision == COMPILED:
        # Else every process that trains would start a process a core to compile with.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        module.compile()
