"""Why a run failed or its process died, in one line."""

import os
import signal
import sys
import traceback
from pathlib import Path

from papers_lib.sweep.digest import OURS, ROOT
from papers_lib.sweep.progress import one_line

# Functions of the training code that write a checkpoint.
_SAVE = {("training.py", "_save"), ("pylon_phases.py", "save_phase")}


def signal_name(number: int) -> str:
    """How a process ended that signal ``number`` killed.

    >>> signal_name(9)
    'killed by signal 9 (SIGKILL)'
    """
    try:
        return f"killed by signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"killed by signal {number}"


def out_of_gpu_memory(error: BaseException) -> bool:
    """Whether a GPU had too little memory: torch's own error, or that of a library below it which torch passes on."""
    torch = sys.modules.get("torch")
    below = isinstance(error, RuntimeError) and "ALLOC_FAILED" in str(error)  # of cuBLAS and cuDNN
    return below or (torch is not None and isinstance(error, torch.OutOfMemoryError))


def reason(error: BaseException, module: str, data_root: Path) -> str:
    """``TypeName: message (file:line)``; the innermost line of our code or of the run's ``module``.

    Folders of this machine are left out: ``data_root``, and the one that our code lies in.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = {str(ROOT / name) + os.sep for name in OURS}
    source = getattr(sys.modules.get(module), "__file__", None)
    ours = [f for f in frames[1:] if f.filename == source or f.filename.startswith(tuple(own))] or frames
    file = Path(ours[-1].filename)
    shown = (
        file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) and ours is not frames else file.name
    )
    said = str(error)
    # torch does not pass the system's reason on: "[enforce fail at inline_container.cc:672] . unexpected pos …"
    saving = any((Path(f.filename).name, f.name) in _SAVE for f in frames)
    if saving and isinstance(error, RuntimeError) and "CUDA" not in said:
        said = "the checkpoint cannot be written; is the disk full?"
    message = one_line(said).replace(str(data_root), "the data folder").replace(f"{ROOT}{os.sep}", "")
    return f"{type(error).__name__}: {message} ({shown}:{ours[-1].lineno})".replace(": (", " (")
