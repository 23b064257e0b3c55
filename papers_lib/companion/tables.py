"""A DataFrame as HTML and CSV; and numbers as a reader sees them."""

import math
import numbers
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import escape

from papers_lib.errors import UserError
from papers_lib.files import write_text

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"  # shown for None and NaN


class SavedTable(NamedTuple):
    """The HTML element, and the raw columns and rows for results.json."""

    html: str
    columns: list[str]
    rows: list[list[Any]]


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN or pandas' NA."""
    if isinstance(value, numbers.Real):
        return bool(value != value)
    return value is None or type(value).__name__ in {"NAType", "NaTType"}


def format_number(value: Any, spec: str = ".3g") -> str:
    """A number as a reader sees it: a true minus sign, powers of ten instead of ``e``, – when missing.

    >>> format_number(-0.5, ".2f"), format_number(1.2e-9, ".2g"), format_number(float("nan"))
    ('−0.50', '1.2 × 10⁻⁹', '–')
    """
    if is_missing(value):
        return MISSING
    mantissa, exponent, power = format(value, spec).partition("e")
    raised = str(int(power or 0)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return (f"{mantissa} × 10{raised}" if exponent else mantissa).replace("-", "−")


def cell_text(value: Any, spec: str) -> str:
    """A number by :func:`format_number`, yes or no, a text; – when missing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real) or is_missing(value):
        return format_number(value, spec)
    return format(value, spec)


def default_format(values: Sequence[Any]) -> str:
    """The format of a column: whole numbers as they are, others with 0 to 3 decimals by the size of the largest.

    Where a value would vanish: two significant digits, or those of the largest whole number.

    >>> default_format([1, 20]), default_format([0.5, 0.25]), default_format([1e-9, 0.1])
    ('d', '.3f', '.2g')
    """
    found = [value for value in values if not is_missing(value)]
    if all(isinstance(value, numbers.Integral) for value in found):
        return "d"
    sizes = [abs(float(value)) for value in found if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    decimals = 3 if largest < 10 else 2 if largest < 100 else 1 if largest < 1000 else 0
    vanish = any(0 < size < 0.5 * 10.0**-decimals for size in sizes)
    return f".{max(2, len(f'{largest:.0f}'))}g" if vanish else f".{decimals}f"


def save_table(
    frame: "pd.DataFrame", folder: Path, name: str, *, caption: str, formats: Mapping[str, str] | None = None
) -> SavedTable:
    """Write ``folder/NAME.csv`` (full precision), and return the table as HTML by :func:`raw_table`."""
    # Index levels become columns, unless the index only counts rows.
    counts = frame.index.nlevels == 1 and frame.index.name is None and frame.index.dtype.kind in "iu"
    flat = frame if counts else frame.reset_index(names=[str(n or "") for n in frame.index.names])
    levels = [column if isinstance(column, tuple) else (column,) for column in flat.columns]
    flat = flat.set_axis([" · ".join(filter(None, map(str, parts))) for parts in levels], axis="columns")
    for column in formats or {}:
        if column not in flat.columns:
            raise UserError(f"table {name}: format for {column!r}, expected a column of {', '.join(flat)}")
    rows = [[None if is_missing(value) else value for value in row] for row in flat.astype(object).to_numpy()]
    write_text(folder / f"{name}.csv", flat.to_csv(index=False, lineterminator="\n"))
    html = raw_table(list(flat), rows, name=name, caption=caption, formats=formats)
    return SavedTable(html, list(flat), rows)


def raw_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, name: str, caption: str,
    formats: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """An HTML table in a box that scrolls sideways; the first cell heads its row, numbers are aligned right.

    ``name``: its id; ``formats``: column → ``.3f`` and the like, else its ``default_format``.
    """
    shown, right = [], []
    for place, (column, values) in enumerate(zip(columns, zip(*rows, strict=True), strict=bool(rows)), 1):
        found = [value for value in values if not is_missing(value)]
        number = bool(found) and all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in found)
        spec = (formats or {}).get(column) or (default_format(values) if number else "")
        try:
            shown.append([escape(cell_text(value, spec)) for value in values])
        except (ValueError, TypeError) as error:
            what = f"table {name}: column {column!r} does not take format {spec!r} ({error})"
            raise UserError(what) from error
        right += [f":nth-child({place})"] if number else []
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
        for first, *others in zip(*shown, strict=True)
    )
    style = f'<style>[id="{name}"] tr>:is({",".join(right)}){{text-align:right}}</style>' if right else ""
    # The box takes the focus, so that a keyboard can scroll it.
    return (
        f'<div class="table" id="{name}"><p class="caption" id="{name}-caption">{escape(caption)}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}-caption" style="overflow-x:auto">'
        f'{style}<table aria-labelledby="{name}-caption"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
        "</div></div>"
    )
