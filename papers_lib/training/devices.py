"""Where to train, in which precision, and whether networks are compiled: found at run time, or as asked for."""

import os

import torch

from papers_lib.errors import UserError
from papers_lib.processes import DEVICES, on_gpu

FULL, COMPILED = "float32", "float32 compiled"
"""The sweep's ``precision``: a run's config says where it takes bfloat16, this what is compiled."""


def pick_device(device: str) -> str:
    """ "cuda" or "cpu"; "auto" takes the GPU where there is one.

    Raises: UserError for an unknown name, or "cuda" where torch sees no GPU.
    """
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
    """Compile ``module`` in place where the sweep's ``precision`` says so; names in its state stay as they are.

    Its gradient must not be differentiated again: torch's compiled backward passes cannot be.
    """
    if precision == COMPILED:
        # Else every process that trains would start a process a core to compile with.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        module.compile()
