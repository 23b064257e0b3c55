"""The table saver: HTML, CSV, LaTeX and numbers as a reader sees them."""

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


def test_html_shows_formatted_cells_with_scoped_heads(tmp_path):
    html = save_table(FRAME, tmp_path, "wide", caption="Runs & more.", lead="Table 1.").html
    assert cells(html) == [
        ["group", "n", "share <1>", "p", "kept"],
        ["a_b", "3", "0.123", "1.5 × 10⁻⁹", "yes"],
        ["c & <d>", "4", "–", "0.25", "–"],
    ]
    tree = ElementTree.fromstring(html)
    assert [head.attrib["scope"] for head in tree.iter("th")] == ["col"] * 5 + ["row"] * 2
    assert tree.find("p").attrib["id"] == tree.find("div/table").attrib["aria-labelledby"]
    assert tree.find("div/style").text.count("nth-child") == 3  # three columns of numbers, aligned right


def test_csv_keeps_full_precision(tmp_path):
    save_table(FRAME, tmp_path, "wide", caption="c")
    assert (tmp_path / "wide.csv").read_text().splitlines()[1] == "a_b,3,0.12345678901234,1.5e-09,True"


def test_latex_is_escaped(tmp_path):
    save_table(FRAME, tmp_path, "wide", caption="50 % of {x} ~^$")
    text = (tmp_path / "wide.tex").read_text()
    assert r"\caption{50 \% of \{x\} \textasciitilde{}\textasciicircum{}\$}" in text
    assert r"\begin{tabular}{lrrrl}" in text
    assert r"a\_b & 3 & 0.123 & 1.5 $\times$ 10$^{-}$$^{9}$ & yes \\" in text
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
        ([0.33, 4952.0], ".4g"),
        ([None, 2.5], ".3f"),
    ],
)
def test_default_format(values, spec):
    assert default_format(values) == spec


def test_missing_numbers_of_every_kind():
    assert {format_number(value) for value in (None, np.float32("nan"), pd.NA, pd.NaT)} == {"–"}


def test_raw_table_of_a_json_file():
    html = raw_table(["a", "n"], [["x", None], ["x", 2]], caption="c", name="t")
    assert cells(html)[1:] == [["x", "–"], ["x", "2"]]
    assert cells(raw_table(["a"], [["x"]], caption="c", name="t")) == [["a"], ["x"]]


@pytest.mark.parametrize(
    ("frame", "options", "says"),
    [
        (FRAME, {"caption": ""}, "caption is empty"),
        ([1], {"caption": "c"}, "found a list"),
        (FRAME, {"caption": "c", "formats": {"m": "d"}}, "expected a column of group, n"),
        (FRAME, {"caption": "c", "formats": {"p": "d"}}, "'p' does not take format 'd'"),
    ],
)
def test_bad_arguments_are_named(tmp_path, frame, options, says):
    with pytest.raises(UserError, match=says):
        save_table(frame, tmp_path, "t", **options)
