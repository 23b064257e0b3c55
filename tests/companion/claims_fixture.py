"""A claims file of given items over ten runs of two groups, judged: for the tests of the claims."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from papers_lib.companion.claims import ClaimResult, evaluate, load_claims

HEAD = {
    "slug": "demo", "title": "T", "authors": "A", "year": 2022, "venue": "V", "url": [], "bibtex": "@misc{d}",
    "summary": "S", "verdict": ["None."],
}  # fmt: skip
# Five runs a group: U = 25, the smallest exact p is 2 / C(10, 5) = 1/126; differences from 3 to 7.
ROWS = pd.DataFrame(
    {
        "group": ["a"] * 5 + ["b"] * 5,
        "seed": [1, 2, 3, 4, 5] * 2,
        "arm": "main",
        "status": "ok",
        "m": [6.0, 6.5, 7.0, 7.5, 8.0, 1.0, 1.5, 2.0, 2.5, 3.0],
        "n": [1.0, 2.0, 3.0, 4.0, 5.0] * 2,
        "good": [True] * 9 + [False],
        "name": "x",
    }
)
DIFFERENCE = {"kind": "difference", "metric": "m", "by": "group", "a": "a", "b": "b"}
MEAN = {"kind": "mean", "metric": "m", "reference": 7, "where": {"group": "a"}}


def item(
    contrast: dict[str, Any],
    direction: str = "greater",
    margin: float = 0,
    method: str = "welch",
    name: str = "c",
    **rule: Any,
) -> dict[str, Any]:
    """A claim with this rule."""
    interval = {"method": method}
    for key in ("level", "paired_by"):
        if key in rule:
            interval[key] = rule.pop(key)
    rule |= {"contrast": contrast, "direction": direction, "margin": margin, "interval": interval}
    return {"id": name, "kind": "claim", "title": "T", "printed": "p. 1", "profiles": ["quick"], "rule": rule}


class Spelled(yaml.SafeDumper):
    """What is there twice is written twice: a claims file has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def judge(
    folder: Path,
    *items: dict[str, Any],
    rows: pd.DataFrame = ROWS,
    values: dict[str, Any] | None = None,
    profile: str = "quick",
    evidence: str = "stand-in",
) -> list[ClaimResult]:
    """Judge these items, written to a claims file in ``folder``."""
    path = folder / "demo.yaml"
    path.write_text(yaml.dump({**HEAD, "items": list(items)}, Dumper=Spelled), encoding="utf-8")
    return evaluate(load_claims(path), rows, values or {}, profile, evidence)
