"""The printed numbers of the CAM-entropy paper, held against each other.

Schöttl, arXiv 2009.12546: Table I, Fig. 3 and the text of section IV, read from
``notebooks/cam_entropy/printed/authors.yaml``. What is checked, and how rounding counts:
:mod:`.cam_entropy_printed_checks`.
"""

import math
from pathlib import Path
from typing import Any

import pandas as pd
from papers_lib.companion.printed_yaml import any_mapping

from cam_entropy import map_bounds as bound
from cam_entropy.printed_checks import (
    CHECKS,
    COLUMNS,
    EXTREMES,
    Numbers,
    Point,
    area,
    corners_of,
    logit,
    map_side,
    outcomes,
    rounding,
)
from papers_lib.companion.yaml_files import read_yaml

OFFSET = 1.0  # conjecture: the printed extremes are those of 1 + M, the measures those of M
LARGEST_SIDE = 32  # of the square maps tried for ca; least possible ca grows with the square of the side


def read_numbers(path: str | Path) -> Numbers:
    """The printed numbers by section: table1, figure3, text, captions, setup, network, voc."""
    return any_mapping(read_yaml(Path(path)), Path(path).name)


def less_offset(numbers: Numbers, offset: float) -> Numbers:
    """The numbers with ``offset`` taken from ``max_map`` and ``min_map`` of Table I, and from nothing else.

    Both printed minima, 1.029 and 1.039, lie just above 1: the extremes may be those of 1 + M and ce, ca, cd those
    of M. The paper does not say so; this only shows what the conjecture explains. For :func:`printed_table`: with
    it Fig. 3 and the text, which give (max - min) / min of the extremes as printed, no longer fit.

    Args: offset: small enough that each extreme, rounded down, stays positive; its decimals stay as printed.
    Returns: new numbers; the argument's are left alone. Raises: ValueError for any other offset.

    >>> table = {row: {"beta0": 1.5, "beta100": 2.0, "decimals": 1} for row in ("min_map", "max_map", "cd")}
    >>> shifted = less_offset({"table1": table}, 1.0)["table1"]
    >>> shifted["min_map"], shifted["cd"]["beta0"]
    ({'beta0': 0.5, 'beta100': 1.0, 'decimals': 1}, 1.5)
    """
    table = dict(numbers["table1"])
    for row in EXTREMES:
        table[row] = table[row] | {c: table[row][c] - offset for c in COLUMNS}
        for c in COLUMNS:
            least = rounding(table[row][c], table[row]["decimals"])[0]
            if not 0 < least < math.inf:
                raise ValueError(
                    f"offset {offset} leaves {least:.4g} of {row}, {c}; expected a positive number"
                )
    return {**numbers, "table1": table}


def printed_table(numbers: Numbers) -> pd.DataFrame:
    """Table I against its own extremes: the values, the intervals they must lie in, a verdict; a row a check.

    A ratio stands in the column of β = 100. "within" says that the bounds do not exclude the number.
    """
    rows = []
    for check in CHECKS:
        found = outcomes(check, numbers)
        words = {c: "within" if o.within else "out of reach" for c, o in found.items()}
        row: dict[str, Any] = {"quantity": check.quantity + (", β = 100 over β = 0" if check.ratio else "")}
        row |= {heading: found[c].value if c in found else math.nan for c, heading in COLUMNS.items()}
        for c, heading in COLUMNS.items():
            row[f"bounds, {heading}"] = (
                f"{found[c].least:.4g} to {found[c].greatest:.4g}" if c in found else ""
            )
        each = "; ".join(f"{COLUMNS[c]}: {word}" for c, word in words.items())
        row["verdict"] = each if len(set(words.values())) > 1 else words["beta100"]
        rows.append(row)
    return pd.DataFrame(rows)


def arithmetic_table(numbers: Numbers) -> pd.DataFrame:
    """Fig. 3, the text and the numbers of images beside what Table I and VOC's own statistics give.

    "agrees": some rounding of the numbers in play gives the printed one. A mean and one sample of the test set may
    differ without contradiction, and the verdict says so.
    """
    text, setup, voc = (numbers[section] for section in ("text", "setup", "voc"))
    rows: list[tuple[str, str, float, float, str]] = []
    names = {"difference": "max M - min M", "relative": "(max M - min M) / min M"}
    for section, key in (("figure3", "difference"), ("figure3", "relative"), ("text", "relative")):
        printed = numbers[section][key]
        place = {"figure3": "Fig. 3", "text": "section IV B"}[section]
        for c, heading in COLUMNS.items():
            ends = [_spread(point)[key] for point in corners_of(numbers, EXTREMES, c)]
            least, greatest = rounding(printed[c], printed["decimals"])
            verdict = "agrees" if min(ends) <= greatest and max(ends) >= least else "differs"
            value = _spread({row: numbers["table1"][row][c] for row in EXTREMES})[key]
            rows.append((f"{names[key]}, {heading}", place, printed[c], value, verdict))
    of_area, of_dispersion = (_ratio(numbers, row) for row in ("ca", "cd"))
    mean = "a mean against one sample"
    rows.append(("change of ca", "section IV B", text["area_change"]["value"], of_area - 1, mean))
    rows.append(("factor of cd", "section IV B", text["dispersion_factor"]["value"], of_dispersion, mean))
    train = voc["trainval_2007"] + voc["trainval_2012"]
    sets = (("training", "train_images", train), ("test", "test_images", voc["test_2007"]))
    for quantity, key, value in sets:
        verdict = "agrees" if setup[key] == value else "differs"
        rows.append((f"{quantity} images, VOC 2007 and 2012", "section IV A", setup[key], value, verdict))
    return pd.DataFrame(rows, columns=["quantity", "place", "printed", "recomputed", "verdict"])


def _spread(at: Point) -> dict[str, float]:
    difference = at["max_map"] - at["min_map"]
    return {"difference": difference, "relative": difference / at["min_map"]}


def _ratio(numbers: Numbers, row: str) -> float:
    return float(numbers["table1"][row]["beta100"] / numbers["table1"][row]["beta0"])


def scalars(numbers: Numbers) -> dict[str, float]:
    """Named values for claims and prose: those of Table I, of the checks, and what follows from them.

    Of each check ``printed_NAME_least_COLUMN`` and ``printed_NAME_greatest_COLUMN``, the bounds;
    ``printed_NAME_over_END_COLUMN``, the printed value over the bound that matters; ``..._rounded``, the same with
    the roundings that favour the paper. A ratio has no column. ``printed_offset_NAME_...``: the same less ``OFFSET``,
    by :func:`less_offset`. The other names are explained where they are set.
    """
    table = numbers["table1"]
    values = {f"printed_{row}_{c}": float(table[row][c]) for row in table for c in COLUMNS}
    shifted = less_offset(numbers, OFFSET)
    values |= _check_scalars(numbers, "printed") | _check_scalars(shifted, "printed_offset")
    for c in COLUMNS:
        values |= {f"printed_{name}_{c}": value for name, value in _column_scalars(numbers, c).items()}
    side, setup, voc = map_side(numbers), numbers["setup"], numbers["voc"]
    values["printed_ca_uniform"] = bound.uniform_area(side, side)
    values["printed_ca_limit"] = bound.area_limit(side, side)
    # The sample of Table I, β = 100 against 0; the last: factor of σ²/μ² if the printed cd is σ/μ.
    values["printed_sample_area_change"] = _ratio(numbers, "ca") - 1
    values["printed_sample_dispersion_factor"] = _ratio(numbers, "cd")
    values["printed_sample_dispersion_factor_squared"] = _ratio(numbers, "cd") ** 2
    plain, extended = (m * 60 + s for m, s in (numbers["text"]["epoch_minutes_seconds"][c] for c in COLUMNS))
    values["printed_epoch_ratio"] = extended / plain  # of whole epochs: test and logging are in both
    values["printed_voc_train_images"] = float(voc["trainval_2007"] + voc["trainval_2012"])
    for figure, stated in numbers["captions"].items():
        values[f"printed_{figure}_caption_less_text"] = float(stated["caption"] - stated["text"])
    values["printed_train_images_excess"] = setup["train_images"] - values["printed_voc_train_images"]
    values["printed_test_images_excess"] = float(setup["test_images"] - voc["test_2007"])
    return values


def _check_scalars(numbers: Numbers, prefix: str) -> dict[str, float]:
    values = {}
    for check in CHECKS:
        for c, found in outcomes(check, numbers).items():
            stem, column = f"{prefix}_{check.name}", "" if check.ratio else f"_{c}"
            values[f"{stem}_least{column}"] = found.least
            values[f"{stem}_greatest{column}"] = found.greatest
            if check.end is not None:
                over = f"{stem}_over_{check.end}{column}"
                values[over] = found.value / getattr(found, check.end)
                values[f"{over}_rounded"] = getattr(found, f"over_{check.end}")
    return values


def _column_scalars(numbers: Numbers, column: str) -> dict[str, float]:
    side, table = map_side(numbers), numbers["table1"]
    at = {row: float(table[row][column]) for row in table}
    corners = corners_of(numbers, (*EXTREMES, "ce", "ca"), column)
    most_cd, most_ce = (rounding(at[row], table[row]["decimals"])[1] for row in ("cd", "ce"))
    least_logit, greatest_logit = logit(at, side)
    spread = _spread(at)
    return {
        "difference": spread["difference"],
        "relative_difference": spread["relative"],
        # Most cells of a map on which ce / ln n could be as printed, from its extremes and from cd alone.
        "ce_most_cells": float(max(bound.most_cells(p["ce"], p["min_map"], p["max_map"]) for p in corners)),
        "ce_most_cells_given_cd": float(math.floor(math.exp(math.log1p(most_cd) / (1 - most_ce)))),
        # Square maps of any side on which ca could be as printed: how many the bounds leave.
        "ca_sides": float(sum(any(_inside(p, s) for p in corners) for s in range(2, LARGEST_SIDE + 1))),
        "ca_least_found": bound.least_area_found(at["min_map"], at["max_map"], side)[0],
        # What biases must add to the largest logit if Z = HW.
        "bias_part_least": at["max_logit"] - greatest_logit,
        "bias_part_greatest": at["max_logit"] - least_logit,
    }


def _inside(at: Point, side: int) -> bool:
    least, greatest = area(at, side)
    return least <= at["ca"] <= greatest
