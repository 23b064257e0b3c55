"""Whether the tables in CheXpert's layout have all their values: a line that was cut off would read as negatives."""

import csv
import io
from pathlib import Path

from papers_lib.datasets.chexpert import TRAIN, VALID, find_root
from papers_lib.datasets.nih_files import read_text
from papers_lib.errors import UserError


def check_rows(root: str | Path) -> None:
    """Refuse a row of train.csv or valid.csv with fewer or more values than the header.

    ``papers_lib.datasets.chexpert_table`` takes the values that a short row lacks for blank, and a blank label counts
    as negative: the last line of an incomplete copy would be an image without a finding. A copy that ends just where a
    row does is not noticed. Lines with nothing in them do not count, and a missing valid.csv is left to the loader.

    Args:
        root: as ``papers_lib.datasets.chexpert.load_chexpert`` takes it.

    Raises:
        UserError: no train.csv, or the first row that is wrong: the file, the line, what was found and what was
            expected; a file that cannot be read, or is not CSV.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     _ = Path(root, "train.csv").write_text("Path,Edema,Fracture\\na.jpg,1.0,\\nb.jpg,1")
    ...     check_rows(root)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    papers_lib.errors.UserError: .../train.csv line 3: found 2 values, expected 3 as in the header
    """
    base = find_root(root)
    for path in (base / TRAIN, base / VALID):
        if path.exists():
            _check_table(path)


def _check_table(path: Path) -> None:
    reader = csv.reader(io.StringIO(read_text(path, "a table of CheXpert"), newline=""), strict=True)
    width = 0
    try:
        for values in reader:
            # The width first: it alone is looked at in nearly all of 223,414 rows.
            if len(values) == width or not any(value.strip() for value in values):
                continue
            if width:
                where = f"{path} line {reader.line_num}"
                raise UserError(f"{where}: found {len(values)} values, expected {width} as in the header")
            width = len(values)
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: not comma-separated values ({error})") from error
