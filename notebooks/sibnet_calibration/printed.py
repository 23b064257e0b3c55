"""The printed numbers of the Sibnet report, read strictly: Tables 4.1 to 4.3 cell by cell, and the numbers of its text.

Sharma and Pradeep, *Reliable medical image classification with saliency maps and calibration*, B.Tech. project
report, IIT Ropar, 2023. Files: ``notebooks/sibnet_calibration/printed/text.yaml`` with a csv file a table. What
follows from these numbers alone: :mod:`.sibnet_calibration_printed_checks`, :mod:`.sibnet_calibration_printed_errors`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from papers_lib.companion.printed_yaml import any_mapping, mapping

from papers_lib.companion.yaml_files import read_yaml
from papers_lib.datasets.tabular import Row, read_rows
from papers_lib.errors import UserError

LABELS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
MEAN, BEFORE, AFTER = "Mean", "Mean ECE before calibration", "Mean ECE after calibration"
CE, CUSTOM, MODIFIED, FOCAL, DEEP_AUC = "Cross Entropy", "Custom", "Modified Pipeline", "Focal", "DeepAUC"
AUC_TABLES = ("4.1", "4.2")


class _Layout(NamedTuple):
    corner: str
    losses: tuple[str, ...]
    columns: tuple[str, ...]


_BY_LOSS = ("Loss Function", (CE, FOCAL, DEEP_AUC))
_LAYOUTS = {
    "4.1": _Layout("Loss", (CE, CUSTOM, MODIFIED), (*LABELS, MEAN)),
    "4.2": _Layout(*_BY_LOSS, (*LABELS, MEAN)),
    "4.3": _Layout(*_BY_LOSS, (BEFORE, AFTER)),
}


@dataclass(frozen=True)
class Stated:
    """A number of the text: ``value``; ``where`` it is printed; the words, ``says``."""

    value: float
    where: str
    says: str = ""


@dataclass(frozen=True)
class Numbers:
    """What the report prints, and CheXpert's validation set, which it does not describe further.

    Attributes: tables: by number, see :func:`printed_table`; decimals: of a table's cells; text: by key; images,
    frontal: images of the validation set, and the frontal ones; positives: frontal images a label.
    """

    tables: Mapping[str, pd.DataFrame]
    decimals: Mapping[str, int]
    text: Mapping[str, Stated]
    images: int
    frontal: int
    positives: Mapping[str, int]

    def stated(self, key: str) -> Stated:
        """One number of the text. Raises: UserError if the file has no such entry."""
        if key not in self.text:
            raise UserError(
                f"sibnet_calibration.yaml: text: found no {key!r}, expected an entry of that name"
            )
        return self.text[key]


def read_numbers(claims: str | Path) -> Numbers:
    """The numbers below the folder ``notebooks/sibnet_calibration/printed``.

    Raises: UserError, one line with file and entry or line: a file missing or no YAML, an entry missing, unknown or
        of the wrong type, a header, loss or cell that is not as in the report.
    """
    path = Path(claims) / "text.yaml"
    content = mapping(read_yaml(path), path.name, ("source", "tables", "text", "validation"))
    tables, decimals = {}, {}
    for number, entry in mapping(content["tables"], f"{path.name}: tables", _LAYOUTS).items():
        place = f"{path.name}: table {number}"
        found = mapping(entry, place, ("file", "decimals"))
        decimals[number] = _count(found["decimals"], f"{place}: decimals")
        tables[number] = _table(path.parent / str(found["file"]), _LAYOUTS[number], decimals[number])
    text = any_mapping(content["text"], f"{path.name}: text")
    place = f"{path.name}: validation"
    validation = mapping(
        content["validation"], place, ("source", "patients", "images", "frontal", "positives")
    )
    images, frontal = (_count(validation[key], f"{place}: {key}") for key in ("images", "frontal"))
    positives = mapping(validation["positives"], f"{place}: positives", LABELS)
    for label, count in positives.items():
        if _count(count, f"{place}: {label}") >= frontal:
            raise UserError(
                f"{place}: {label}: found {count}, expected fewer than the {frontal} frontal images"
            )
    stated = {key: _stated(entry, f"{path.name}: {key}") for key, entry in text.items()}
    return Numbers(tables, decimals, stated, images, frontal, positives)


def printed_table(numbers: Numbers, number: str) -> pd.DataFrame:
    """Table ``number`` as printed; a new frame.

    Index: losses, less the word "Loss" that Tables 4.2 and 4.3 add. Columns of "4.1" and "4.2" (validation AUC):
    ``LABELS`` and ``MEAN``; of "4.3": ``BEFORE`` and ``AFTER``. Raises: ValueError for any other number.
    """
    if number not in numbers.tables:
        raise ValueError(f"number: found {number!r}, expected one of {tuple(_LAYOUTS)}")
    return numbers.tables[number].copy()


def _count(value: Any, place: str) -> int:
    if type(value) is not int or value < 1:
        raise UserError(f"{place}: found {value!r}, expected a whole number of 1 or more")
    return value


def _stated(entry: Any, place: str) -> Stated:
    found = mapping(entry, place, ("value", "where"), ("says",))
    value = found["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{place}: value: found {value!r}, expected a number")
    for key in ("where", "says"):
        if not isinstance(found.get(key, ""), str):
            raise UserError(f"{place}: {key}: found {found[key]!r}, expected a text")
    return Stated(float(value), found["where"], found.get("says", ""))


def _table(path: Path, layout: _Layout, decimals: int) -> pd.DataFrame:
    header = [layout.corner, *layout.columns]
    rows = read_rows(path, header)
    if list(rows[0].values) != header:
        raise UserError(
            f"{path.name}: found columns {', '.join(rows[0].values)}, expected {', '.join(header)}"
        )
    losses = [row[layout.corner].removesuffix(" Loss") for row in rows]
    if losses != [*layout.losses]:
        raise UserError(f"{path.name}: found rows {', '.join(losses)}, expected {', '.join(layout.losses)}")
    cells = [[_cell(row, column, decimals) for column in layout.columns] for row in rows]
    return pd.DataFrame(cells, index=pd.Index(losses, name="loss"), columns=list(layout.columns))


def _cell(row: Row, column: str, decimals: int) -> float:
    if not re.fullmatch(rf"0\.\d{{{decimals}}}", row[column]):
        raise UserError(
            f"{row.where}: {column}: found {row[column]!r}, expected a share below 1 with {decimals} decimals"
        )
    return float(row[column])
