"""The table saver: HTML, CSV and numbers as a reader sees them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.tables import default_format, format_number, raw_table, save_table
from papers_lib.errors import UserError

FRAME = pd.DataFrame(
    [["a_b", 3, 0.12345678901234, 1.5e-9, True], ["c & <d>", 4, np.nan, 0.25, None]],
    columns=["group", "n", "share <1>", "p", "kept"],
)


def cells(html: str) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(html).iter("tr")]


def test_html_shows_formatted_cells_with_scoped_heads_and_csv_full_precision(tmp_path):
    html = save_table(FRAME, tmp_path, "wide", caption="Runs & more.").html
    assert cells(html) == [
        ["group", "n", "share <1>", "p", "kept"],
        ["a_b", "3", "0.123", "1.5 × 10⁻⁹", "yes"],
        ["c & <d>", "4", "–", "0.25", "–"],
    ]
    tree = ElementTree.fromstring(html)
    assert [head.attrib["scope"] for head in tree.iter("th")] == ["col"] * 5 + ["row"] * 2
    assert tree.find("p").attrib["id"] == tree.find("div/table").attrib["aria-labelledby"]
    assert tree.find("div/style").text.count("nth-child") == 3  # three columns of numbers, aligned right
    assert (tmp_path / "wide.csv").read_text().splitlines()[1] == "a_b,3,0.12345678901234,1.5e-09,True"


def test_formats_by_column_named_index_and_column_levels(tmp_path):
    frame = pd.DataFrame({"x": [0.5]}, index=pd.Index(["r"], name="run"))
    saved = save_table(frame, tmp_path, "t", caption="c", formats={"x": ".1%"})
    assert cells(saved.html)[1] == ["r", "50.0%"]
    assert (saved.columns, saved.rows) == (["run", "x"], [["r", 0.5]])
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert save_table(levels, tmp_path, "t", caption="c").columns == ["a · x", "a · y"]


def test_default_format():
    columns = {".2f": [12.5, 3], ".1f": [250.5], ".0f": [1e6, 0.5], ".4g": [0.3, 4952.0], ".3f": [None, 2.5]}
    assert [default_format(values) for values in columns.values()] == [*columns]


def test_missing_numbers_of_every_kind_and_an_empty_table():
    assert {format_number(value) for value in (None, np.float32("nan"), pd.NA, pd.NaT)} == {"–"}
    assert cells(raw_table(["a", "n"], [["x", None]], caption="c", name="t"))[1:] == [["x", "–"]]
    assert cells(raw_table(["a"], [], caption="c", name="t")) == [["a"]]


@pytest.mark.parametrize(
    ("formats", "says"),
    [({"m": "d"}, "expected a column of group, n"), ({"p": "d"}, "'p' does not take format 'd'")],
)
def test_bad_formats_are_named(tmp_path, formats, says):
    with pytest.raises(UserError, match=says):
        save_table(FRAME, tmp_path, "t", caption="c", formats=formats)
