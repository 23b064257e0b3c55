"""Files that are almost right: a valid one with a few edits, so that what is checked late is reached as well.

``FUZZ_EXAMPLES=2000 python -m pytest -k fuzz tests`` looks longer.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from papers_lib.errors import UserError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,  # `make test` is the same each time; a longer look is not
    suppress_health_check=list(HealthCheck),
)
no_hang = pytest.mark.timeout(60 + EXAMPLES / 5)

NUMBERS = (b"", b"0", b"-1", b"1e400", b"-1e999", b"nan", b"-inf", b"1e-320", b"0x10", b"1_0", "٣".encode())
BEYOND = (b"9" * 5000, b"x" * 140_000)  # Python's limit of int(), the limit of a field of csv
MARKS = (
    b'"',
    b"'",
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\x85",
    "\u2028é".encode(),
    b"<",
    b"&",
    b"|",
)
WORDS = (
    *(b"../a", b"null", b"true", b"[]", b"{}", b"[" * 3000, b"- " * 400),
    *(b"2001-13-45", b"!!int x", b"&a [*a]"),
)
_WORD = re.compile(rb"[\w.+-]+|\s+|.", re.DOTALL)


def _written(content: bytes, how: str, share: float) -> bytes:
    """The whole file in another encoding, with other ends of lines, or cut off."""
    if how == "truncated":
        return content[: int(share * len(content))]
    if how == "utf-16":
        return content.decode("latin-1").encode("utf-16")
    if how == "mixed line ends":
        lines = content.split(b"\n")
        return b"".join(line + (b"\n", b"\r\n", b"\r")[i % 3] for i, line in enumerate(lines))
    return b"\xef\xbb\xbf" + content if how == "mark" else content


@st.composite
def damaged(draw: Any, content: bytes, words: tuple[bytes, ...] = ()) -> bytes:
    """``content`` with one to four edits: words (by ``words`` too) or lines replaced, dropped, doubled or moved."""
    hostile = st.one_of(*map(st.sampled_from, (NUMBERS, MARKS, (*WORDS, *words), BEYOND)))
    for _ in range(draw(st.integers(1, 4))):
        by_line = draw(st.integers(0, 4)) == 0
        parts = content.splitlines(keepends=True) if by_line else _WORD.findall(content)
        if not parts:
            break
        at = draw(st.integers(0, len(parts) - 1))
        action = draw(st.sampled_from(("replace", "replace", "replace", "drop", "double", "insert", "move")))
        if action == "replace":
            parts[at] = draw(hostile)
        elif action == "insert":
            parts.insert(at, draw(hostile))
        elif action == "double":
            parts.insert(at, parts[at])
        else:
            taken = parts.pop(at)
            if action == "move":
                parts.insert(draw(st.integers(0, len(parts))), taken)
        content = b"".join(parts)
    how = draw(st.sampled_from(("as is",) * 8 + ("truncated", "utf-16", "mixed line ends", "mark")))
    return _written(content, how, draw(st.floats(0, 1)) if how == "truncated" else 1.0)


@st.composite
def flipped(draw: Any, content: bytes, start: int = 0) -> bytes:
    """Bytes of a binary file, from ``start`` on, replaced by others; it may be cut off as well."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(start, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.booleans())
    return bytes(data[: draw(st.integers(start, len(data)))] if cut else data)


def refused(read: Callable[[], Any], *names: str | Path) -> Any:
    """What ``read`` returns, or None where it refused in one line that has one of ``names`` (files) in it.

    Any exception but a `UserError` is the test's failure.
    """
    try:
        return read()
    except UserError as error:
        line = str(error)
    assert len(line.splitlines()) == 1, line
    assert any(str(name) in line for name in names), line
    return None
