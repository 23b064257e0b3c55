"""Tables as LaTeX: plain text in, a ``table`` with booktabs rules out."""

import re
from collections.abc import Sequence

_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
}


def latex_table(
    name: str, caption: str, columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """Formatted cells as a LaTeX ``table`` (booktabs rules), every character escaped."""
    align = "".join("r" if right else "l" for right in numeric)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{latex_text(caption)}}}",
            rf"\label{{tab:{name}}}",
            rf"\begin{{tabular}}{{{align}}}",
            r"\toprule",
            _line(columns),
            r"\midrule",
            *map(_line, cells),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _line(row: Sequence[str]) -> str:
    return " & ".join(map(latex_text, row)) + r" \\"


def latex_text(text: str) -> str:
    r"""Plain text escaped for LaTeX.

    >>> latex_text("50 % of a_b, 10⁻⁹")
    '50 \\% of a\\_b, 10$^{-9}$'
    """
    escaped = "".join(_LATEX.get(character, character) for character in text)
    return re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda run: "$^{" + run[0].translate(_PLAIN) + "}$", escaped)
