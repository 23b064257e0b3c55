"""Text escaped for LaTeX, and the shape of a table."""

from papers_lib.companion.latex import latex_table, latex_text


def test_every_special_character():
    assert latex_text("a_b & 50 % #1 {x} ~^$") == (
        r"a\_b \& 50 \% \#1 \{x\} \textasciitilde{}\textasciicircum{}\$"
    )


def test_numbers():
    assert latex_text("−0.5") == "$-$0.5"
    assert latex_text("2 × 10⁻¹²") == r"2 $\times$ 10$^{-12}$"


def test_a_table_has_a_line_a_row():
    lines = latex_table("t", "c", ["a", "n"], [["x", "1"], ["y", "2"]], [False, True]).splitlines()
    assert r"\label{tab:t}" in lines
    assert lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")] == [r"x & 1 \\", r"y & 2 \\"]
