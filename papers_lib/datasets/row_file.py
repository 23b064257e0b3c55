"""An .npy file filled row by row, by several processes at once, without ever being in memory."""

import shutil
from pathlib import Path
from types import TracebackType

import numpy as np

from papers_lib.errors import UserError


def new_row_file(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Make an .npy file of zeros; where the file system can, it takes room only as it is filled."""
    np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what will not fit on the disk, since files of rows grow as they are filled.

    Args: folder, that is there; needed, bytes; what, for whom the line names them ("1200 crops").

    Raises:
        UserError: fewer bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"{folder}: found {_size(free)} free, expected {_size(needed)} for {what}")


def _size(count: int) -> str:
    """
    >>> _size(2_340_000), _size(1_560_000_000)
    ('2.3 MB', '1.6 GB')
    """
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


class RowFile:
    """Writes rows (first axis) of an .npy file made by `new_row_file`, in any order.

    Plain writes: on a full disk they raise OSError, where a write to a memory map kills the process.
    """

    def __init__(self, path: Path) -> None:
        array = np.load(path, mmap_mode="r")
        self.offset, self.stride = array.offset, array.strides[0]
        self.shape, self.dtype = array.shape[1:], array.dtype
        self.file = path.open("r+b")

    def write(self, row: int, value: np.ndarray) -> None:
        """Write one row.

        Raises:
            ValueError: ``value`` has another shape or type than a row of the file.
        """
        if value.shape != self.shape or value.dtype != self.dtype:
            raise ValueError(f"row: found {value.dtype} {value.shape}, expected {self.dtype} {self.shape}")
        self.file.seek(self.offset + row * self.stride)
        self.file.write(value.tobytes())

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
