"""Claims files of given items over ten runs of two groups, loaded and judged."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from papers_lib.companion.claims import ClaimResult, ClaimsFile, load_claims
from papers_lib.companion.judging import evaluate
from papers_lib.files import write_text

HEAD = {
    "slug": "demo", "title": "T", "authors": "A", "year": 2022, "venue": "V", "bibtex": "@misc{d}", "summary": "S",
    "url": [{"text": "Paper", "url": "https://example.org/paper"}], "verdict": ["None."],
}  # fmt: skip
FIGURE = {"id": "fig1", "kind": "figure", "title": "Heat", "printed": "Figure 1"}
# Five runs a group: U = 25, the smallest exact p is 2 / C(10, 5) = 1/126; differences from 3 to 7.
ROWS = pd.DataFrame(
    {
        **{"group": ["a"] * 5 + ["b"] * 5, "seed": [1, 2, 3, 4, 5] * 2, "arm": "main", "status": "ok"},
        "m": [6.0, 6.5, 7.0, 7.5, 8.0, 1.0, 1.5, 2.0, 2.5, 3.0],
        "good": [True] * 9 + [False],
    }
)
SHIFT = {"form": "unpaired", "metric": "m", "by": "group", "a": "a", "b": "b", "direction": "greater"}
PAIRED = SHIFT | {"form": "paired"}
SAME = {"form": "equivalence", "metric": "m", "by": "group", "a": "a", "b": "b", "margin": 1}
MEAN = {"form": "mean", "metric": "m", "reference": 7, "where": {"group": "a"}, "direction": "greater"}
SHARE = {"form": "mean", "metric": "good", "equals": True, "reference": 0.5, "direction": "greater"}
VALUE = {"form": "value", "name": "ratio", "reference": 1.82, "direction": "equal", "margin": 0.1}


def item(rule: dict[str, Any] | None, name: str = "c", **more: Any) -> dict[str, Any]:
    """A claim with this rule."""
    found = {"id": name, "kind": "claim", "title": "T", "printed": "p. 1", "profiles": ["quick"], **more}
    return found if rule is None else {**found, "rule": rule}


def write(folder: Path, *items: dict[str, Any], **head: Any) -> Path:
    """A claims file of these items (JSON is YAML)."""
    content = json.dumps({**HEAD, "items": [FIGURE, *items], **head}, indent=1)
    return write_text(folder / "demo" / "claims.yaml", content)


def load(folder: Path, *items: dict[str, Any], **head: Any) -> ClaimsFile:
    """The same, loaded."""
    return load_claims(write(folder, *items, **head))


def judge(
    folder: Path,
    *rules: dict[str, Any],
    rows: pd.DataFrame = ROWS,
    values: dict[str, Any] | None = None,
    families: dict[str, Any] | None = None,
) -> list[ClaimResult]:
    """Judge claims c0, c1 … with these rules."""
    items = [item(rule, f"c{number}") for number, rule in enumerate(rules)]
    return evaluate(
        load(folder, *items, families=families or {}), rows, values or {}, "quick", "synthetic data"
    )
