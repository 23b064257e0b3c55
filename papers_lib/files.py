"""Files written whole or not at all: a temporary name first, then one rename."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from papers_lib.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, moved there on success; UserError if it cannot be written."""
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        name = _temporary(path)
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))  # less the umask
        temporary = name
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if _of_another_file(error, path, temporary):
            raise
        raise _cannot_be_written(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """A name beside ``path`` that nobody else uses; tempfile's own files are private, whatever the umask."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _cannot_be_written(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written ({error.strerror or error})")


def _of_another_file(error: OSError, path: Path, temporary: Path | None) -> bool:
    """Whether the error names a file that has nothing to do with writing ``path``, such as one that was read."""
    if temporary is None or not isinstance(error.filename, str | bytes):
        return False
    named = Path(os.path.abspath(os.fsdecode(error.filename)))
    target, ours = Path(os.path.abspath(path)), Path(os.path.abspath(temporary))
    inside = named == ours or ours in named.parents
    return not inside and named != target and named not in target.parents


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` atomically and return the path."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write ``text`` (UTF-8) to ``path`` atomically and return the path."""
    return write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> Path:
    """Write ``value`` as sorted, indented JSON; ValueError for NaN and infinities, which are not JSON."""
    return write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, renamed to it at the end unless somebody else was first."""
    path = Path(path)
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise _cannot_be_written(path, error) from error
    try:
        yield temporary
        try:
            os.rename(temporary, path)
        except OSError:
            if not path.is_dir():
                raise
    except OSError as error:
        if _of_another_file(error, path, temporary):
            raise
        raise _cannot_be_written(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
