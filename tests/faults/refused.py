"""A full disk and read-only folders: root may write anywhere, so the system's answers are injected."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FULL, READ_ONLY = errno.ENOSPC, errno.EROFS


def refuse(patch: pytest.MonkeyPatch, number: int, below: Path, name: str = "") -> None:
    """Let nothing be written to files of this process below a folder whose path holds ``name``."""

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(path: Any, *arguments: Any, **options: Any) -> Any:
            writes = call.__name__ != "open" or arguments[0] & (os.O_WRONLY | os.O_RDWR)
            there = call.__name__ == "mkdir" and os.path.isdir(
                path
            )  # "File exists" is the system's first answer
            if writes and not there and str(path).startswith(str(below)) and name in str(path):
                raise OSError(number, os.strerror(number), str(path))
            return call(path, *arguments, **options)

        return answer

    patch.setattr(os, "open", guarded(os.open))
    for one in ("write_bytes", "mkdir", "unlink", "touch"):
        patch.setattr(Path, one, guarded(getattr(Path, one)))
