"""The tables of CheXpert, train.csv and valid.csv, read column by column: the release's has 223,414 rows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from papers_lib.datasets.nih_files import csv_lines
from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

CLASSES = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
"""The five labels of the competition, in its order."""
COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CLASSES)
VIEWS = {"Frontal": True, "Lateral": False}
PATH = re.compile(
    r"(?:[^/]+/)*?((?:train|valid)/(patient\d+)/study\d+/view\d+_(?:frontal|lateral)\.\w+)", re.ASCII
)
EXPECTED_PATH = "…/train/patient00001/study1/view1_frontal.jpg (or …/valid/…)"


@dataclass(frozen=True, eq=False)
class ChexpertTable:
    """One table; N rows in their order.

    Attributes:
        path: of the table.
        lines: of the rows in the file, int (N,).
        names: what ``Path`` says.
        files: where the pictures are below the folder of the table: ``Path`` without what precedes train/ or valid/.
        patients: such as "patient00001", str (N,).
        labels: of ``CLASSES``: 1, 0, -1 (uncertain) or NaN (blank), float64 (N, 5).
        frontal: bool (N,).
        sex: as the table has it, str (N,).
        age: in years, NaN where blank, float64 (N,).
        view: AP, PA or what else the table has; "" for lateral pictures; str (N,).
    """

    path: Path
    lines: np.ndarray
    names: tuple[str, ...]
    files: tuple[str, ...]
    patients: np.ndarray
    labels: np.ndarray
    frontal: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    view: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def where(self, row: int) -> str:
        """Beginning of an error about a row: the file and the line."""
        return f"{self.path} line {self.lines[row]}"


def read_table(path: str | Path) -> ChexpertTable:
    """Read ``train.csv`` or ``valid.csv``; columns are found by name, others than those of ``COLUMNS`` do not count.

    Raises:
        UserError: a missing file, a column that is missing or occurs twice, more values than columns, a ``Path`` that
            does not parse or occurs twice, a label other than 1, 0, -1 or blank, an age that is no number, a view
            that is neither Frontal nor Lateral, no row. The line names file and row.
    """
    path = Path(path)
    lines, columns = read_columns(path, COLUMNS)
    names = columns["Path"]
    matches = [PATH.fullmatch(name) for name in names]
    _refuse(path, lines, "Path", names, [one is None for one in matches], EXPECTED_PATH)
    _refuse_twice(path, lines, names)
    found = [one for one in matches if one is not None]

    def values(column: str, parse: Callable[[str], float], expected: str) -> np.ndarray:
        return _values(path, lines, column, columns[column], parse, expected)

    return ChexpertTable(
        path=path,
        lines=np.array(lines),
        names=tuple(names),
        files=tuple(one[1] for one in found),
        patients=np.array([one[2] for one in found], dtype=np.str_),
        labels=np.stack([values(name, _label, "1, 0, -1 or blank") for name in CLASSES], axis=1),
        frontal=values("Frontal/Lateral", lambda text: VIEWS[text], "Frontal or Lateral") > 0,
        sex=np.array(columns["Sex"], dtype=np.str_),
        age=values("Age", _age, "a number of years from 0, or blank"),
        view=np.array(columns["AP/PA"], dtype=np.str_),
    )


def read_columns(
    path: Path, names: Sequence[str], least: Literal[0, 1] = 1
) -> tuple[list[int], dict[str, list[str]]]:
    """The line of each row of a CSV file, and the columns ``names``, blanks around values dropped.

    Raises:
        UserError: the file is missing or not CSV; a column is missing or occurs twice; a row has more values than the
            header; there are fewer than ``least`` rows.
    """
    records = csv_lines(path, f"a table with {', '.join(names)}")
    line, header = next(records, (1, []))
    missing = [name for name in names if name not in header]
    if missing:
        found = shown(", ".join(header)) if header else "nothing"
        raise UserError(f"{path} line {line}: found columns {found}, expected also {', '.join(missing)}")
    twice = [name for name in names if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} line {line}: found column {twice[0]!r} twice, expected it once")
    lines, rows = [], []
    for line, values in records:
        if len(values) > len(header):
            where = f"{path} line {line}"
            raise UserError(f"{where}: found {len(values)} values, expected {len(header)} as in the header")
        lines.append(line)
        rows.append(values + [""] * (len(header) - len(values)))
    if len(rows) < least:
        raise UserError(f"{path}: found a header and no rows, expected at least one")
    places = [header.index(name) for name in names]
    return lines, {name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)}


def _values(
    path: Path,
    lines: Sequence[int],
    column: str,
    texts: list[str],
    parse: Callable[[str], float],
    expected: str,
) -> np.ndarray:
    """Numbers of a column; each of its few different texts is parsed once."""
    known: dict[str, float | None] = {}
    for text in set(texts):
        try:
            known[text] = parse(text)
        except (ValueError, KeyError):
            known[text] = None
    if None in known.values():
        _refuse(path, lines, column, texts, [known[text] is None for text in texts], expected)
    return np.array([known[text] for text in texts], dtype=np.float64)


def _label(text: str) -> float:
    if not text:
        return np.nan
    if float(text) not in (1.0, 0.0, -1.0):
        raise ValueError(text)
    return float(text)


def _age(text: str) -> float:
    if not text:
        return np.nan
    if not 0 <= float(text) < np.inf:
        raise ValueError(text)
    return float(text)


def _refuse(
    path: Path, lines: Sequence[int], column: str, texts: Sequence[str], wrong: Sequence[bool], expected: str
) -> None:
    for line, text, one in zip(lines, texts, wrong, strict=True):
        if one:
            raise UserError(f"{path} line {line}: {column}: found {shown(text)}, expected {expected}")


def _refuse_twice(path: Path, lines: Sequence[int], names: Sequence[str]) -> None:
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    for line, name in zip(lines, names, strict=True):
        if name in first:
            raise UserError(f"{path} line {line}: Path: found {shown(name)} again (first line {first[name]})")
        first[name] = line
