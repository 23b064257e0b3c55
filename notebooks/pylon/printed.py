"""The printed numbers of the PYLON paper, read strictly: Tables 1 to 4 cell by cell, and the numbers of its text.

Preechakul et al., iScience 25 (2022) 103933. Files, below ``notebooks/pylon/printed``: with a csv
file a table, and ``authors/pylon.yaml`` for what is not printed (the authors' repository, the NIH release). What
follows from these numbers alone: :mod:`.pylon_printed_counts`, :mod:`.pylon_printed_checks`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from papers_lib.companion.printed_yaml import any_mapping, mapping

from papers_lib.companion.yaml_files import read_yaml
from papers_lib.datasets.tabular import Row, read_rows
from papers_lib.errors import UserError

AREA, WEIGHTED, MACRO = "avg_area", "Weighted avg.", "Macro avg."
TABLES = (1, 2, 3, 4)
_AVERAGES = {"Weight. avg.": WEIGHTED, "Weighted. avg.": WEIGHTED, "Macro avg.": MACRO}  # as printed
_CELL = re.compile(r"0(\.\d{1,2})?|1")  # shares; a trailing zero is not printed


@dataclass(frozen=True)
class Stated:
    """A number of the text: ``value``, possibly out of ``of``; ``where`` it is printed; the words, ``says``."""

    value: float
    where: str
    of: int | None = None
    says: str = ""


@dataclass(frozen=True)
class Numbers:
    """What the paper prints, and what its authors and the data set's owners published elsewhere.

    Attributes: tables: by number, see :func:`printed_table`; data: set and input size of each; text: by key;
    authors: sections ``single_seed``, ``split``, ``release``.
    """

    tables: Mapping[int, pd.DataFrame]
    data: Mapping[int, str]
    text: Mapping[str, Stated]
    authors: Mapping[str, Any]

    def stated(self, key: str) -> Stated:
        """One number of the text. Raises: UserError if ``printed/pylon.yaml`` has no such entry."""
        if key not in self.text:
            raise UserError(f"pylon.yaml: text: found no {key!r}, expected an entry of that name")
        return self.text[key]


def read_numbers(claims: str | Path) -> Numbers:
    """The numbers below the folder ``notebooks/pylon/printed``.

    Raises: UserError, one line with file and entry or line: a file missing or no YAML, an entry missing, unknown or
        of the wrong type, a header, class or cell that is not as declared.
    """
    path = Path(claims) / "text.yaml"
    content = mapping(read_yaml(path), path.name, ("source", "tables", "text"))
    tables = mapping(content["tables"], f"{path.name}: tables", TABLES)
    declared = {n: _declared(tables[n], f"{path.name}: table {n}") for n in TABLES}
    text = any_mapping(content["text"], f"{path.name}: text")
    return Numbers(
        tables={n: _table(path.parent / entry["file"], entry) for n, entry in declared.items()},
        data={n: entry["data"] for n, entry in declared.items()},
        text={key: _stated(entry, f"{path.name}: {key}") for key, entry in text.items()},
        authors=_authors(Path(claims) / "authors.yaml"),
    )


def printed_table(numbers: Numbers, number: int) -> pd.DataFrame:
    """Point localization accuracy as printed in Table ``number``, 1 to 4; a new frame.

    Index: ``WEIGHTED``, ``MACRO``, then the classes as printed. Columns: ``AREA``, the average share of the image's
    area, and the methods as printed. Raises: ValueError for any other number.
    """
    if number not in numbers.tables:
        raise ValueError(f"number: found {number!r}, expected one of {TABLES}")
    return numbers.tables[number].copy()


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{place}: found {value!r}, expected a number")
    return float(value)


def _stated(entry: Any, place: str) -> Stated:
    found = mapping(entry, place, ("value", "where"), ("of", "says"))
    of = found.get("of")
    if of is not None and type(of) is not int:
        raise UserError(f"{place}: of: found {of!r}, expected a whole number")
    for key in ("where", "says"):
        if not isinstance(found.get(key, ""), str):
            raise UserError(f"{place}: {key}: found {found[key]!r}, expected a text")
    return Stated(_number(found["value"], f"{place}: value"), found["where"], of, found.get("says", ""))


def _declared(entry: Any, place: str) -> dict[str, Any]:
    kinds = {"file": str, "data": str, "classes": int, "methods": list}
    found = mapping(entry, place, kinds)
    for key, kind in kinds.items():
        if type(found[key]) is not kind:
            raise UserError(f"{place}: {key}: found {found[key]!r}, expected {kind.__name__}")
    return found


def _table(path: Path, declared: Mapping[str, Any]) -> pd.DataFrame:
    header = ["Class", "Avg.Area", *declared["methods"]]
    rows = read_rows(path, header)
    if list(rows[0].values) != header:
        raise UserError(
            f"{path.name}: found columns {', '.join(rows[0].values)}, expected {', '.join(header)}"
        )
    names = [row["Class"] for row in rows]
    averages = [_AVERAGES.get(name, name) for name in names[:2]]
    if averages != [WEIGHTED, MACRO]:
        raise UserError(f"{path.name}: found rows {', '.join(names[:2])} first, expected the two averages")
    if len(set(names)) != len(names) or len(names) != 2 + declared["classes"]:
        found = f"{len(set(names[2:]))} different classes in {len(names) - 2} rows"
        raise UserError(f"{path.name}: found {found}, expected {declared['classes']}")
    cells = [[_cell(row, column) for column in header[1:]] for row in rows]
    index = pd.Index([*averages, *names[2:]], name="class")
    return pd.DataFrame(cells, index=index, columns=[AREA, *header[2:]])


def _cell(row: Row, column: str) -> float:
    if not _CELL.fullmatch(row[column]):
        raise UserError(
            f"{row.where}: {column}: found {row[column]!r}, expected a share of 0 to 1 in hundredths"
        )
    return float(row[column])


def _authors(path: Path) -> dict[str, Any]:
    place = f"authors/{path.name}"
    content = mapping(read_yaml(path), place, ("source", "single_seed", "split", "release"))
    flat = {
        "single_seed": ("weighted", "macro", "nodule"),
        "split": ("train", "val", "test", "train_val_patients", "train_val_test_patients"),
    }
    for section, keys in flat.items():
        for key, value in mapping(content[section], f"{place}: {section}", keys).items():
            _number(value, f"{place}: {section}: {key}")
    release = mapping(content["release"], f"{place}: release", ("source", "images", "boxes", "areas"))
    _number(release["images"], f"{place}: release: images")
    for key in ("boxes", "areas"):
        for name, value in mapping(release[key], f"{place}: {key}", release["boxes"]).items():
            _number(value, f"{place}: release: {key}: {name}")
    return content
