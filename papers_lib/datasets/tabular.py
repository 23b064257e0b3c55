"""Text files, CSV tables and arguments, checked so that a fault names the file, line and column, or the argument."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from papers_lib.errors import UserError


def shown(text: object) -> str:
    """Quote ``text`` for a one-line message: control characters escaped, at most 60 characters."""
    quoted = repr(str(text)[:61])
    return quoted if len(quoted) <= 62 else quoted[:59] + "…'"


def bounded_number(text: str, least: float = -1e6, most: float = 1e6) -> float:
    """The number that ``text`` says; a ValueError for NaN, for one outside of the bounds and for what is none."""
    value = float(text) if len(text) <= 50 else float("nan")
    if not least <= value <= most:  # also false for NaN
        raise ValueError(text)
    return value


def whole_number(text: str) -> int:
    """The whole number of up to 18 digits that ``text`` says; a ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(text)
    return int(text)


def plain_name(text: str) -> str:
    """``text``, which must be a file name without folders; a ValueError where it is not."""
    if not text or not text.isprintable() or set(text) & set("/\\") or len(text.encode()) > 200:
        raise ValueError(text)
    return text


def read_text(path: Path, expected: str) -> str:
    """Content of a UTF-8 file; one that is missing, unreadable or in another encoding is a `UserError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected {expected}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} line {line}: not UTF-8 (byte {error.start}), expected {expected}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a ``value`` that is not in ``allowed``."""
    if value not in allowed:
        raise UserError(f"{name}: found {value!r}, expected one of {', '.join(allowed)}")


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name}: found {value!r}, expected a whole number of at least {least}")


def check_range(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UserError(f"{name}: found {value!r}, expected a number from {least:g} to {most:g}")


@dataclass(frozen=True)
class Row:
    """One record of a CSV file: its values by column, and the ``line`` on which it ends (the header is 1)."""

    path: Path
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def where(self) -> str:
        """Beginning of an error about this row: ``PATH line LINE``."""
        return f"{self.path} line {self.line}"


def read_rows(
    path: str | Path, required: Sequence[str], *, least: int = 1, split_names: bool = False
) -> list[Row]:
    """All rows of a comma-separated file (UTF-8, with or without a byte order mark), as text.

    Blanks, empty lines and empty names at the header's end are dropped; with ``split_names`` quoted names split.
    """
    path = Path(path)
    text = read_text(path, f"a table with {', '.join(required)}")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows = []
    try:
        for record in reader:
            values = [value.strip() for value in record]
            if not any(values):
                continue
            where = f"{path} line {reader.line_num}"
            if not header:
                header = _header(where, values, required, split_names)
            elif len(values) < len(header) or any(values[len(header) :]):
                found = f"{where}: found {len(values)} values"
                raise UserError(f"{found}, expected {len(header)} as in the header")
            else:
                rows.append(Row(path, reader.line_num, dict(zip(header, values, strict=False))))
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not comma-separated values ({error})") from error
    if not header:
        raise UserError(f"{path} line 1: found nothing, expected the columns {', '.join(required)}")
    if len(rows) < least:
        raise UserError(f"{path}: found a header and no rows, expected at least one")
    return rows


def _header(where: str, header: list[str], required: Sequence[str], split_names: bool) -> list[str]:
    header = ",".join(header).split(",") if split_names else header
    while not header[-1]:
        header.pop()
    for name in required:
        if header.count(name) != 1:
            times = "twice" if name in header else f"not among {shown(', '.join(header))}"
            raise UserError(f"{where}: found column {name!r} {times}, expected it once")
    return header


class Check(NamedTuple):
    """What a value of a column must be, in words too; ``parse`` refuses by ValueError, KeyError or None."""

    parse: Callable[[str], Any]
    expected: str

    def value(self, text: str) -> Any:
        """What ``text`` stands for; None where it is refused."""
        try:
            return self.parse(text)
        except (ValueError, KeyError):
            return None


def one_of(allowed: Sequence[str]) -> Check:
    """A value that must be in ``allowed``, as its index there."""
    return Check({name: i for i, name in enumerate(allowed)}.__getitem__, f"one of {', '.join(allowed)}")


def number(least: float, most: float, *, blank: bool = False) -> Check:
    """A number from ``least`` to ``most``; with ``blank`` also nothing, which is NaN."""
    expected = f"a number from {least:g} to {most:g}" + (", or blank" if blank else "")
    return Check(lambda text: bounded_number(text, least, most) if text or not blank else math.nan, expected)


NAME = Check(plain_name, "a file name without folders")


def read_table(
    path: str | Path, columns: Mapping[str, Check | None], *, unique: str = "", **options: Any
) -> pd.DataFrame:
    """The ``columns`` of a CSV file, checked (values of ``unique`` differ); the index is the line where a row ends."""
    rows = read_rows(path, list(columns), **options)
    lines = [row.line for row in rows]
    table = pd.DataFrame({name: [row[name] for row in rows] for name in columns}, lines, dtype=object)
    faults = []
    for name, check in columns.items():
        texts = table[name].tolist()
        if name == unique and table[name].duplicated().any():
            again = int(table[name].duplicated().to_numpy().argmax())
            first = f"again (first line {lines[texts.index(texts[again])]}), expected it once"
            faults.append((again, f"{name}: found {shown(texts[again])} {first}"))
        parsed = {text: check.value(text) if check else text for text in set(texts)}  # few differ
        if None in parsed.values():
            wrong = next(row for row, text in enumerate(texts) if parsed[text] is None)
            expected = check.expected if check else ""
            faults.append((wrong, f"{name}: found {shown(texts[wrong])}, expected {expected}"))
        table[name] = [parsed[text] for text in texts]
    if faults:
        row, what = min(faults, key=lambda fault: fault[0])
        raise UserError(f"{path} line {lines[row]}: {what}")
    return table
