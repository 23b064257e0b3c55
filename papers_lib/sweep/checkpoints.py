"""What an unfinished run left to go on from: used where it is whole and fits, else put away with a word.

The files of a run are ``KEY.checkpoint`` and, of the parts of a longer training, ``KEY.checkpoint.…``.
"""

import traceback
import zipfile
from pathlib import Path

from papers_lib.sweep import mishaps
from papers_lib.sweep.progress import say

# Functions of the training code that put a checkpoint's content in its place.
_RESTORE = {("training.py", "_resume"), ("pylon_phases.py", "load_phase")}


def of_run(checkpoint: Path) -> list[Path]:
    """The files of the run whose checkpoint is ``checkpoint``, in order."""
    return sorted(checkpoint.parent.glob(f"{checkpoint.name}*"))


def remove(checkpoint: Path) -> None:
    """Remove all of them."""
    for path in of_run(checkpoint):
        path.unlink(missing_ok=True)


def put_away_damaged(checkpoint: Path) -> None:
    """Remove those with altered bytes. torch does not look at its archive's checksums: it would load other weights.

    What is no archive any more (a truncated file, say) is left to the training code, which cannot read it and says so.
    """
    for path in of_run(checkpoint):
        if zipfile.is_zipfile(path) and not _whole(path):
            say(f"checkpoint {path.name} is damaged (its checksum does not fit); the run starts anew")
            path.unlink(missing_ok=True)


def refused(error: BaseException) -> bool:
    """Whether ``error`` was raised while a checkpoint's content was put in its place: it is of another model.

    Not where memory was too small or the disk failed: then the checkpoint is what the next attempt goes on from.
    """
    if isinstance(error, MemoryError | OSError) or mishaps.out_of_gpu_memory(error):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return any((Path(frame.filename).name, frame.name) in _RESTORE for frame in frames)


def _whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except FileNotFoundError:  # another command finished the run in the meantime
        return True
    except Exception:  # damaged headers: BadZipFile, NotImplementedError, RuntimeError, zlib.error …
        return False
