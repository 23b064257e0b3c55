"""The table saver: a DataFrame as HTML, CSV and LaTeX; and numbers as a reader sees them."""

import math
import numbers
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers_lib.errors import UserError
from papers_lib.files import write_text

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
"""Shown for None and NaN."""

_RAISED = ("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"−": "$-$", "–": "--", "×": r"$\times$"}
    | {raised: f"$^{{{sign}}}$" for sign, raised in zip(*_RAISED, strict=True)}
)


@dataclass(frozen=True)
class SavedTable:
    """The HTML element, and the raw columns and rows for results.json."""

    html: str
    columns: list[str]
    rows: list[list[Any]]


def format_number(value: Any, spec: str = ".3g") -> str:
    """A number as a reader sees it: a true minus sign, powers of ten instead of ``e``, – when missing.

    >>> format_number(-0.5, ".2f"), format_number(1.2e-9, ".2g"), format_number(float("nan"))
    ('−0.50', '1.2 × 10⁻⁹', '–')
    """
    if is_missing(value):
        return MISSING
    mantissa, exponent, power = format(value, spec).partition("e")
    text = f"{mantissa} × 10{str(int(power)).translate(str.maketrans(*_RAISED))}" if exponent else mantissa
    return text.replace("-", "−")


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN or pandas' NA."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, numbers.Real) and bool(value != value)


def default_format(values: Sequence[Any]) -> str:
    """The format of a column of numbers: whole numbers as they are, others with a common number of decimals.

    Three decimals below 10, two below 100, one below 1000; two significant digits, or those of the largest
    whole number, where a value other than zero would vanish.

    >>> default_format([1, 20]), default_format([0.5, 0.25]), default_format([1e-9, 0.1])
    ('d', '.3f', '.2g')
    """
    found = [value for value in values if not is_missing(value)]
    if all(isinstance(value, numbers.Integral) for value in found):
        return "d"
    sizes = [abs(float(value)) for value in found if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    decimals = 3 if largest < 10 else 2 if largest < 100 else 1 if largest < 1000 else 0
    if any(0 < size < 0.5 * 10.0**-decimals for size in sizes):
        return f".{max(2, len(f'{largest:.0f}'))}g"
    return f".{decimals}f"


def save_table(
    frame: "pd.DataFrame",
    folder: Path,
    name: str,
    *,
    caption: str,
    lead: str = "",
    formats: Mapping[str, str] | None = None,
) -> SavedTable:
    """Write ``folder/NAME.csv`` (full precision) and ``NAME.tex``, and return the table as HTML.

    Args:
        frame: a named index (or a MultiIndex) becomes the first columns; the first column heads its row.
        name: id of the table on the page: letters, digits, ``_`` and ``-``.
        lead: short bold text before the caption, such as the table's number in the paper.
        formats: column → format specification such as ``.3f`` or ``.1%``.

    Raises:
        UserError: the caption is empty, ``frame`` is no DataFrame, a format names no column or does not fit.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise UserError(f"table {name}: found a {type(frame).__name__}; expected a pandas DataFrame")
    if not caption.strip():
        raise UserError(f"table {name}: caption is empty; expected a sentence on what the table shows")
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise UserError(f"table {name!r}: not a valid id; expected a letter, then letters, digits, _ or -")
    flat = _flat(frame)
    for column in formats or {}:
        if column not in flat.columns:
            raise UserError(f"table {name}: format for {column!r}, expected a column of {', '.join(flat)}")
    rows = [[None if is_missing(value) else value for value in row] for row in flat.astype(object).to_numpy()]
    cells, numeric = format_rows(list(flat), rows, name, formats)
    write_text(folder / f"{name}.csv", flat.to_csv(index=False, lineterminator="\n"))
    head, *body = [[text.translate(_LATEX) for text in row] for row in (list(flat), *cells)]
    align = "".join("r" if right else "l" for right in numeric)
    options = {
        "hrules": True,
        "column_format": align,
        "label": f"tab:{name}",
        "caption": caption.translate(_LATEX),
    }
    write_text(
        folder / f"{name}.tex", pd.DataFrame(body, columns=head).style.hide(axis="index").to_latex(**options)
    )
    html = html_table(list(flat), cells, numeric, caption=caption, lead=lead, name=name)
    return SavedTable(html, list(flat), rows)


def html_table(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    *,
    caption: str,
    name: str,
    lead: str = "",
) -> str:
    """Formatted cells as an HTML table in a box that scrolls sideways; ``numeric`` columns are aligned right."""
    import pandas as pd

    frame = pd.DataFrame([list(map(escape, row)) for row in cells], columns=list(map(escape, columns)))
    table = frame.style.hide(axis="index").to_html(exclude_styles=True)
    table = re.sub(r">\s*\n\s*<", "><", re.sub(r"(?<=<t[hd]) (?=>)", "", table)).strip()
    table = table.replace("<th>", '<th scope="col">').replace(
        "<table>", f'<table aria-labelledby="{name}-caption">'
    )
    table = re.sub(r"<tr><td>(.*?)</td>", r'<tr><th scope="row">\1</th>', table, flags=re.DOTALL)
    right = ",".join(f":nth-child({place})" for place, number in enumerate(numeric, start=1) if number)
    style = f'<style>[id="{name}"] tr>:is({right}){{text-align:right}}</style>' if right else ""
    strong = f"<strong>{escape(lead)}</strong> " if lead else ""
    # Focusable, so that a keyboard can scroll a table that is wider than the page.
    return (
        f'<div class="table" id="{name}"><p class="caption" id="{name}-caption">{strong}{escape(caption)}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}-caption" '
        f'style="overflow-x:auto">{style}{table}</div></div>'
    )


def raw_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, caption: str, name: str) -> str:
    """Raw cells (of a JSON file) as an HTML table."""
    cells, numeric = format_rows(columns, rows, name)
    return html_table(columns, cells, numeric, caption=caption, name=name)


def format_rows(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str, formats: Mapping[str, str] | None = None
) -> tuple[list[list[str]], list[bool]]:
    """Raw cells as text, and which columns are numbers; a column without a format gets ``default_format``."""
    done, numeric = [], []
    for position, column in enumerate(columns):
        values = [row[position] for row in rows]
        found = [value for value in values if not is_missing(value)]
        number = bool(found) and all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in found)
        spec = (formats or {}).get(column) or (default_format(values) if number else "")
        try:
            done.append([format_number(v, spec) if number else _text(v, spec) for v in values])
        except (ValueError, TypeError) as error:
            what = f"column {column!r} does not take format {spec!r}"
            raise UserError(f"table {name}: {what} ({error})") from error
        numeric.append(number)
    return [list(row) for row in zip(*done, strict=True)], numeric


def _text(value: Any, spec: str) -> str:
    if is_missing(value):
        return MISSING
    return ("yes" if value else "no") if isinstance(value, bool) else format(value, spec)


def _flat(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Index levels as columns (unless the index only counts rows), column levels joined by " · "."""
    flat = frame.copy()
    flat.columns = [
        " · ".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column)
        for column in frame.columns
    ]
    if frame.index.nlevels > 1 or frame.index.name is not None or frame.index.dtype.kind not in "iu":
        flat = flat.reset_index(names=[str(n or "") for n in frame.index.names])
    return flat
