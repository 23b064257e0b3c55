"""What the PYLON paper says beside what its own tables give: the page's tables, and named values for claims.

Everything is computed from the printed cells (:mod:`.pylon_printed`); rounding: :mod:`.pylon_printed_counts`.
"""

import pandas as pd

from papers_lib.stats_ranks import Correlation
from pylon import printed_tables as within_tables
from pylon import printed_text as of_text
from pylon.printed import AREA, TABLES, Numbers, printed_table
from pylon.printed_counts import margin_by_area, of_classes, standing
from pylon.printed_rows import BASELINE, FPN, PYLON, TWO_PHASE, Check, rivals_of

BEFORE = {3: "PYLON with transfer", 4: PYLON}  # PYLON with one phase, where there are two


def checks(numbers: Numbers) -> list[Check]:
    """All checks, in the order of the page. Raises: UserError if a number of the text is missing."""
    every = (*within_tables.CHECKS, *of_text.CHECKS)
    return [check for group in every for check in group(numbers)]


def checks_table(numbers: Numbers) -> pd.DataFrame:
    """A row a check: what is checked, where it is printed, what text and tables say, and the finding."""
    columns = ["check", "where", "the text says", "the tables give", "finding"]
    return pd.DataFrame([check[:5] for check in checks(numbers)], columns=columns)


def margins_table(numbers: Numbers) -> pd.DataFrame:
    """PYLON against FPN, the Baseline and all rivals, table by table: classes won, and margin against area.

    "ρ": Spearman's correlation over classes of the margin with the average area, with its 95 % interval; below 0 the
    margin grows where objects are small. It describes the printed numbers, not models: classes are few and share them.
    """
    rows = []
    for n, method, name, rivals in _comparisons(numbers):
        table = printed_table(numbers, n)
        found, rho = standing(table, method, rivals), margin_by_area(table, method, rivals)
        counted = len(found.ahead), len(found.tied), len(found.behind)
        rows.append((n, numbers.data[n], method, name, *counted, rho.estimate, rho.low, rho.high, rho.p))
    columns = ["table", "data", "method", "against", "ahead", "level", "behind", "ρ", "low", "high", "p"]
    return pd.DataFrame(rows, columns=columns)


def phases_table(numbers: Numbers) -> pd.DataFrame:
    """A row a class of Tables 3 and 4: PYLON with one phase, with two, and the gain; FPN (in 3 without transfer)."""
    rows = []
    for n, before in BEFORE.items():
        cells = of_classes(printed_table(numbers, n)).round(2)
        for name, row in cells.iterrows():
            gain = round(row[TWO_PHASE] - row[before], 2)
            rows.append((n, name, row[AREA], row[FPN], row[before], row[TWO_PHASE], gain))
    columns = [
        "table",
        "class",
        "average area",
        "FPN, one phase",
        "PYLON, one phase",
        "PYLON, two phases",
        "gain",
    ]
    return pd.DataFrame(rows, columns=columns)


def scalars(numbers: Numbers) -> dict[str, float]:
    """Named values for claims and prose, all with ``printed_`` before them.

    Of each check its values; ``printed_rho_METHOD_RIVAL_tableN`` (and ``..._p``), margin against area;
    ``printed_text_KEY``, the numbers of the text.
    """
    every = [pair for check in checks(numbers) for pair in check.values.items()]
    found = {
        name: round(float(value), 9) for name, value in every
    }  # 9: differences of printed hundredths stay short
    for n, method, name, rivals in _comparisons(numbers):
        rho: Correlation = margin_by_area(printed_table(numbers, n), method, rivals)
        stem = f"rho_{_slug(method)}_{_slug(name)}_table{n}"
        found |= {stem: rho.estimate, f"{stem}_p": rho.p}
    found |= {f"text_{key}": said.value for key, said in numbers.text.items()}
    return {f"printed_{name}": value for name, value in found.items()}


def _comparisons(numbers: Numbers) -> list[tuple[int, str, str, list[str]]]:
    """Table, PYLON's column, name of the rivals, their columns."""
    found = []
    for n in TABLES:
        table = printed_table(numbers, n)
        for method in (PYLON, TWO_PHASE):
            if method in table:
                every = {FPN: [FPN], BASELINE: [BASELINE], "all": rivals_of(table, method)}
                found += [(n, method, name, rivals) for name, rivals in every.items()]
    return found


def _slug(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
