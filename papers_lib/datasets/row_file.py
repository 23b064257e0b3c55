"""Stores on disk: folders that appear whole or not at all, and arrays filled row by row by several processes."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from papers_lib import processes
from papers_lib.datasets.tabular import check_whole, shown
from papers_lib.errors import UserError
from papers_lib.files import replacing_folder

CHUNK = 64  # pictures a worker makes before it reports back


@contextmanager
def new_folder(folder: str | Path) -> Iterator[Path]:
    """A temporary folder that becomes ``folder`` at the end of the block, or goes where the block fails."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already, expected a new or an empty folder")
    with replacing_folder(folder) as temporary:
        yield temporary


def in_processes(work: Callable[..., Any], items: Sequence[tuple[Any, ...]], jobs: int) -> list[Any]:
    """``work(*item)`` of each item, in their order, in ``jobs`` processes (0: one for each core)."""
    check_whole("jobs", jobs, 0)
    return processes.in_processes(work, items, max(1, min(processes.processes(jobs, "cpu"), len(items))))


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse ``what`` ("1200 crops") of ``needed`` bytes if the disk of ``folder`` has no room: files of rows grow."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        found = f"{folder}: found {free / 1e6:.1f} MB free"
        raise UserError(f"{found}, expected {needed / 1e6:.1f} MB for {what}")


def new_row_file(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Make an .npy file of zeros; where the file system can, it takes room only as it is filled."""
    np.lib.format.open_memmap(path, "w+", np.dtype(dtype), shape)


class RowFile:
    """Writes rows of an .npy file of `new_row_file`, in any order; a full disk is an OSError, not a killed process."""

    def __init__(self, path: Path) -> None:
        array = np.load(path, mmap_mode="r")
        self.offset, self.stride = array.offset, array.strides[0]
        self.shape, self.dtype = array.shape[1:], array.dtype
        self.file = path.open("r+b")

    def write(self, row: int, value: np.ndarray) -> None:
        """Write one row; a ValueError where ``value`` has another shape or type than a row of the file."""
        if value.shape != self.shape or value.dtype != self.dtype:
            raise ValueError(f"row: found {value.dtype} {value.shape}, expected {self.dtype} {self.shape}")
        self.file.seek(self.offset + row * self.stride)
        self.file.write(value.tobytes())

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def write_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write each array to ``folder``/NAME.npy."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_array(path: Path, expected: str, *, mapped: bool = False) -> np.ndarray:
    """The array of an .npy file of at least one axis, or a read-only memory map; else a `UserError`."""
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r" if mapped else None)
    except Exception as error:  # OSError, ValueError, EOFError, BadZipFile … and messages of several lines
        raise UserError(f"{path}: not readable as an array ({shown(error)}), expected {expected}") from error
    if not isinstance(array, np.ndarray) or not array.ndim:
        raise UserError(f"{path}: found no array, expected {expected}")
    return array


def read_json(path: Path, expected: str, kind: type = dict) -> Any:
    """The object, or the list, in a JSON file; another content, or no such file, is a `UserError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({shown(error)}), expected {expected}") from error
    if not isinstance(content, kind):
        raise UserError(f"{path}: found {shown(content)}, expected {expected}")
    return content
