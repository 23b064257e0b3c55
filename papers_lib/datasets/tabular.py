"""CSV files of data sets, read so that an error can name the file and the line."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from papers_lib.errors import UserError


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

    def choice(self, column: str, allowed: Sequence[str]) -> str:
        """The value of ``column``, which must be one of ``allowed``.

        Raises:
            UserError: it is not; the line names file, line, column, the value found and those allowed.
        """
        value = self.values[column]
        if value not in allowed:
            expected = ", ".join(one or "empty" for one in allowed)
            raise UserError(f"{self.where}: {column}: found {value!r}, expected one of {expected}")
        return value


def read_rows(path: str | Path, required: Sequence[str]) -> list[Row]:
    """All rows of the comma-separated file ``path`` (UTF-8, with or without a byte order mark).

    Blanks around names and values are dropped, empty lines are passed over, columns beyond ``required``
    are kept.

    Raises:
        UserError: the file is missing, unreadable, not UTF-8 or without rows; a required column is missing,
            a column occurs twice, or a row has another number of values than the header.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, required)
            rows = []
            for record in reader:
                if not record:
                    continue
                if len(record) != len(header):
                    raise UserError(
                        f"{path} line {reader.line_num}: found {len(record)} values, "
                        f"expected {len(header)} as in the header"
                    )
                values = dict(zip(header, map(str.strip, record), strict=True))
                rows.append(Row(path, reader.line_num, values))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a table with {', '.join(required)}") from error
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not comma-separated values ({error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}), expected a text table") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not rows:
        raise UserError(f"{path}: found a header and no rows, expected at least one")
    return rows


def _check_header(path: Path, header: list[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        found = " ".join(", ".join(header).split())[:200] or "nothing"  # a quoted name may run over lines
        raise UserError(f"{path} line 1: found columns {found}, expected also {', '.join(missing)}")
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise UserError(f"{path} line 1: found column {twice[0][:60]!r} twice, expected it once")
