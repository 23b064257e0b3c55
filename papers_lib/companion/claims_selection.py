"""From the table of runs to the numbers a claim is judged by, with every row left out counted."""

import numbers
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from papers_lib.companion.claims_text import scalar_text, where_text
from papers_lib.companion.claims_types import Contrast, Scalar
from papers_lib.companion.yaml_files import show
from papers_lib.errors import UserError
from papers_lib.stats import Array

if TYPE_CHECKING:
    import pandas as pd


class NotTested(Exception):
    """A claim that these runs cannot judge; the message is the reason for the reader."""


class Selection:
    """The rows that a contrast speaks of.

    Args:
        place: file, item and key, for errors.
        rows: every run of the page.
        contrast: what selects.

    Raises:
        UserError: a column that no run has, or one filtered by a value of another type: slips of the file.
        NotTested: no row is left.
    """

    def __init__(self, place: str, rows: "pd.DataFrame", contrast: Contrast) -> None:
        self.place, self.rows, self.notes = place, rows, list[str]()
        where: dict[str, Sequence[Scalar]] = dict(contrast.where)
        if contrast.kind == "difference":
            where[contrast.by] = (contrast.a, contrast.b)
        chosen = np.ones(len(rows), dtype=bool)
        for column, values in where.items():
            self._check_filter(column, values)
            chosen &= rows[column].isin(list(values)).to_numpy(dtype=bool)
        good = np.ones(len(rows), dtype=bool)
        if "status" in rows:
            good = (rows["status"] == "ok").to_numpy(dtype=bool)
        self._any_good = bool(good.any())
        if contrast.include_all:
            good = np.ones(len(rows), dtype=bool)
        elif not good[chosen].all():
            left_out = Counter(rows["status"][chosen & ~good].astype(str))
            each = ", ".join(f"{count} {status}" for status, count in sorted(left_out.items()))
            self.notes.append(f"{left_out.total()} of {int(chosen.sum())} runs left out: {each}")
        self.chosen = rows[chosen & good]
        if self.chosen.empty:
            wanted = f" with {where_text(where)}" if where else ""
            raise NotTested("; ".join([f"no rows{wanted}", *self.notes]))

    def _check_filter(self, column: str, values: Sequence[Scalar]) -> None:
        self._check_column(column)
        present = self.rows[column].dropna()
        texts = bool(len(present)) and present.map(lambda value: isinstance(value, str)).all()
        numbers = bool(len(present)) and not present.map(lambda value: isinstance(value, str)).any()
        for value in values:
            if (texts and not isinstance(value, str)) or (numbers and isinstance(value, str)):
                kind = "texts" if texts else "numbers"
                raise UserError(f"{self.place}: {column}: found {show(value)}, but the column holds {kind}")

    def _check_column(self, column: str) -> None:
        if column not in self.rows:
            listed = ", ".join(map(str, self.rows.columns)) or "none"
            raise UserError(f"{self.place}: found column {column!r}, expected one of the rows' ({listed})")

    def table(self, numeric: Sequence[str], other: Sequence[str] = ()) -> "pd.DataFrame":
        """Return the chosen rows whose ``numeric`` columns are all finite, as floats, with the ``other`` ones.

        Raises:
            UserError: a column that is not there or holds texts.
            NotTested: no row is left, or no run at all came far enough to have the column.
        """
        missing = [column for column in (*numeric, *other) if column not in self.rows]
        if missing and not self._any_good:
            raise NotTested("; ".join([f"no run has {missing[0]}", *self.notes]))
        for column in (*numeric, *other):
            self._check_column(column)
        table = self.chosen[[*dict.fromkeys([*numeric, *other])]].copy()
        for column in numeric:
            table[column] = _floats(table[column], f"{self.place}: column {column!r}")
        finite = np.isfinite(table[list(numeric)].to_numpy(dtype=float)).all(axis=1)
        if dropped := int((~finite).sum()):
            self.notes.append(f"{dropped} of {len(table)} runs without a finite {' or '.join(numeric)}")
        if not finite.any():
            raise NotTested("; ".join(self.notes))
        return table[finite]


def _floats(column: "pd.Series[Any]", place: str) -> Array:
    import pandas as pd

    odd = [v for v in column if not isinstance(v, numbers.Real | np.bool_) and not pd.api.types.is_scalar(v)]
    odd += [value for value in column if isinstance(value, str)]
    if odd:
        raise UserError(f"{place}: found {show(odd[0])}, expected numbers")
    return pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)


def pairs(table: "pd.DataFrame", metric: str, by: str, groups: Sequence[Scalar], keys: Sequence[str], place: str) -> (
    "tuple[list[float], list[float], int]"
):  # fmt: skip
    """Return the values of two groups, matched by ``keys``, and how many runs found no partner.

    Raises:
        UserError: a key that occurs twice in a group, so that its pair is not defined.
    """
    found = []
    for group in groups:
        rows = table[table[by] == group].set_index(list(keys))[metric]
        if rows.index.has_duplicates:
            twice = rows.index[rows.index.duplicated()][0]
            raise UserError(
                f"{place}: paired_by: found {', '.join(keys)} = {twice} twice in {scalar_text(group)}, expected once"
            )
        found.append(rows)
    common = found[0].index.intersection(found[1].index).sort_values()
    unmatched = len(found[0]) + len(found[1]) - 2 * len(common)
    return found[0].loc[common].tolist(), found[1].loc[common].tolist(), unmatched
