"""The table saver: HTML, CSV, LaTeX and numbers as a reader sees them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from papers_lib.companion.tables import default_format, format_number, raw_table, save_table
from papers_lib.errors import UserError

FRAME = pd.DataFrame(
    {
        "group": ["a_b", "c & <d>"],
        "n": [3, 4],
        "share": [0.12345678901234, np.nan],
        "p": [1.5e-9, 0.25],
        "kept": [True, None],
    }
)


def cells(html: str) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(html).iter("tr")]


def test_html_shows_formatted_cells_with_scoped_headers(tmp_path):
    html = save_table(FRAME, tmp_path, "wide", caption="Runs & more.", lead="Table 1.").html
    assert cells(html) == [
        ["group", "n", "share", "p", "kept"],
        ["a_b", "3", "0.123", "1.5 × 10⁻⁹", "yes"],
        ["c & <d>", "4", "–", "0.25", "–"],
    ]
    tree = ElementTree.fromstring(html)
    assert [head.attrib["scope"] for head in tree.iter("th")] == ["col"] * 5 + ["row"] * 2
    assert tree.find("p").attrib["id"] == tree.find("div/table").attrib["aria-labelledby"]
    assert "overflow-x:auto" in tree.find("div").attrib["style"]


def test_csv_keeps_full_precision(tmp_path):
    save_table(FRAME, tmp_path, "wide", caption="c")
    assert (tmp_path / "wide.csv").read_text().splitlines()[1] == "a_b,3,0.12345678901234,1.5e-09,True"


def test_latex_is_escaped(tmp_path):
    save_table(FRAME, tmp_path, "wide", caption="50 % of it")
    text = (tmp_path / "wide.tex").read_text()
    assert r"\caption{50 \% of it}" in text
    assert r"\begin{tabular}{lrrrl}" in text
    assert r"a\_b & 3 & 0.123 & 1.5 $\times$ 10$^{-9}$ & yes \\" in text
    assert r"c \& <d> & 4 & -- & 0.25 & -- \\" in text


def test_formats_by_column_and_named_index(tmp_path):
    frame = pd.DataFrame({"x": [0.5]}, index=pd.Index(["r"], name="run"))
    saved = save_table(frame, tmp_path, "t", caption="c", formats={"x": ".1%"})
    assert cells(saved.html)[1] == ["r", "50.0%"]
    assert (saved.columns, saved.rows) == (["run", "x"], [["r", 0.5]])


def test_column_levels_are_joined(tmp_path):
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    assert save_table(frame, tmp_path, "t", caption="c").columns == ["a · x", "a · y"]


@pytest.mark.parametrize(
    ("values", "spec"),
    [
        ([12.5, 3.0], ".2f"),
        ([250.5], ".1f"),
        ([1e6, 0.5], ".0f"),
        ([float("nan"), 2.5], ".3f"),
        ([0.0], ".3f"),
    ],
)
def test_default_format(values, spec):
    assert default_format(values) == spec


def test_numpy_nan_is_missing():
    assert format_number(np.float32("nan")) == "–"


def test_raw_table_of_a_json_file():
    assert cells(raw_table(["a", "n"], [["x", None], ["y", 2]], caption="c", name="t"))[1:] == [
        ["x", "–"],
        ["y", "2"],
    ]


@pytest.mark.parametrize(
    ("frame", "options", "says"),
    [
        (FRAME, {"caption": ""}, "caption is empty"),
        ([1], {"caption": "c"}, "found a list"),
        (FRAME, {"caption": "c", "formats": {"m": "d"}}, "expected a column of group, n"),
        (FRAME, {"caption": "c", "formats": {"share": "d"}}, "'share' does not take format 'd'"),
    ],
)
def test_bad_arguments_are_named(tmp_path, frame, options, says):
    with pytest.raises(UserError, match=says):
        save_table(frame, tmp_path, "t", **options)
