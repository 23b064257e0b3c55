"""The files of the NIH ChestX-ray14 release: its table of images, its two lists, its folders of pictures."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError

CLASSES = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""In the order of the data set's publications; the first eight have boxes."""

NO_FINDING = "No Finding"
TABLES = "Data_Entry_2017*.csv"
TRAIN_VAL, TEST = "train_val_list.txt", "test_list.txt"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
MAX_PATIENT_DIGITS = 18


class Entry(NamedTuple):
    """One row of the table: where it stands, the image, indices of its findings into ``CLASSES``, the patient."""

    where: str
    image: str
    findings: tuple[int, ...]
    patient: str


def read_table(path: Path) -> dict[str, Entry]:
    """The rows of ``Data_Entry_2017*.csv`` by image, in their order.

    The release's header has names with commas in them and may end in one: columns are found by name, and empty
    values at the end of a line do not count. Only the columns of ``COLUMNS`` are used, so a table cut down to
    them will do. Patient 00000032 and 32 are the same.

    Raises:
        UserError: a missing file or column, a column that occurs twice, more values than columns, an image that is
            named twice, a finding that is no class, a patient that is no number, no row. The line names file
            and line.
    """
    lines = csv_lines(path, f"a table with {', '.join(COLUMNS)}")
    line, header = next(lines, (1, []))
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        found = shown(", ".join(header)) if header else "nothing"
        raise UserError(f"{path} line {line}: found columns {found}, expected also {', '.join(missing)}")
    twice = [name for name in COLUMNS if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} line {line}: found column {twice[0]!r} twice, expected it once")
    places = [header.index(name) for name in COLUMNS]
    entries: dict[str, Entry] = {}
    for line, values in lines:
        where = f"{path} line {line}"
        if len(values) > len(header):
            raise UserError(f"{where}: found {len(values)} values, expected {len(header)} as in the header")
        values += [""] * (len(header) - len(values))
        image, findings, patient = (values[place] for place in places)
        if not image:
            raise UserError(f"{where}: {COLUMNS[0]}: found '', expected the file name of an image")
        if image in entries:
            raise UserError(f"{where}: found image {shown(image)} again (first {entries[image].where})")
        if not (patient.isascii() and patient.isdigit() and len(patient) <= MAX_PATIENT_DIGITS):
            raise UserError(f"{where}: {COLUMNS[2]}: found {shown(patient)}, expected a whole number")
        entries[image] = Entry(where, image, _findings(findings, where), str(int(patient)))
    if not entries:
        raise UserError(f"{path}: found a header and no rows, expected at least one")
    return entries


def _findings(text: str, where: str) -> tuple[int, ...]:
    names = [name.strip() for name in text.split("|")]
    if names == [NO_FINDING]:
        return ()
    for name in names:
        if name not in CLASSES:
            alone = f" or {NO_FINDING} alone" if name == NO_FINDING else f" or {NO_FINDING}"
            classes = ", ".join(CLASSES)
            raise UserError(f"{where}: {COLUMNS[1]}: found {shown(name)}, expected {classes},{alone}")
    return tuple(CLASSES.index(name) for name in names)


def read_list(path: Path) -> dict[str, str]:
    """Images of a list, one a line; with each, where it stands.

    Raises:
        UserError: a missing or empty file, or a name that occurs twice.
    """
    found: dict[str, str] = {}
    for line, text in enumerate(read_text(path, "one image name a line").splitlines(), start=1):
        name, where = text.strip(), f"{path} line {line}"
        if name in found:
            raise UserError(f"{where}: found {shown(name)} again (first {found[name]}), expected it once")
        if name:
            found[name] = where
    if not found:
        raise UserError(f"{path}: found no name, expected one image name a line")
    return found


def find_table(root: Path) -> Path:
    """The one file ``Data_Entry_2017*.csv`` in ``root``; none, or several, is a `UserError`."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected the NIH ChestX-ray14 release ({TABLES}, …)")
    tables = sorted(root.glob(TABLES))
    if len(tables) != 1:
        found = ", ".join(path.name for path in tables) or "none"
        raise UserError(f"{root}: found {found}, expected one table {TABLES}")
    return tables[0]


def find_pictures(root: Path) -> dict[str, Path]:
    """Every file in ``images/``, ``images_*/images/`` and ``images_*/`` of ``root``, by name.

    A name that is in several folders counts where it is first, in that order.

    Raises:
        UserError: no such folder, or one that cannot be read.
    """
    parts = sorted(root.glob("images_*"))
    folders = [f for f in (root / "images", *(p / "images" for p in parts), *parts) if f.is_dir()]
    if not folders:
        raise UserError(f"{root}: found no folder images or images_001/images, expected the pictures there")
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            with os.scandir(folder) as files:
                for file in files:
                    if file.name not in found and file.is_file():
                        found[file.name] = folder / file.name
        except OSError as error:
            raise UserError(f"{folder}: cannot be read ({error.strerror or error})") from error
    return found


def csv_lines(path: Path, expected: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and values of each record that has any; blanks around values and empty ones at its end are dropped.

    Raises:
        UserError: the file is missing, unreadable, not UTF-8 (a byte order mark may be there), or not CSV.
    """
    reader = csv.reader(io.StringIO(read_text(path, expected), newline=""), strict=True)
    try:
        for record in reader:
            values = [value.strip() for value in record]
            while values and not values[-1]:
                values.pop()
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not comma-separated values ({error})") from error


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
