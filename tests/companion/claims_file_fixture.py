"""A small claims file, and copies of it with a slip."""

import copy
from pathlib import Path
from typing import Any

import yaml

FILE = yaml.safe_load("""
slug: demo
title: "A paper"
authors: ["Ada Example", "Ben Sample"]
year: 2022
venue: "Examples"
url: [{text: "Paper", url: "https://example.org/paper"}]
bibtex: "@misc{demo}"
summary: "A summary."
verdict: ["The heat moves by {heart.estimate:.2f} ({heart.outcome})."]
items:
  - {id: fig6, kind: figure, title: "Heat", printed: "Figure 6", profiles: [quick, full, paper]}
  - {id: tab1, kind: table, title: "Numbers", printed: "Table 1", profiles: [full]}
  - id: heart
    kind: claim
    title: "More heat in the heart."
    printed: "Section 2, p. 2"
    paper: {text: "p ≈ 1e-9", value: 1.0e-9}
    profiles: [quick, full]
    figure: fig6
    rule:
      contrast: {kind: difference, metric: share, by: group, a: heatmap, b: cce, where: {experiment: 1}}
      direction: greater
      margin: 0.05
      interval: {method: hodges_lehmann, level: 0.95}
      family: heart
  - {id: second_order, kind: finding, title: "Runs through the head only.", printed: "p. 1", profiles: [full],
     untestable: "a statement about the method, shown by derivation"}
""")
PLACES = {"top": [], "heart": ["items", 2], "fig6": ["items", 0], "untestable": ["items", 3]}
PLACES["rule"] = [*PLACES["heart"], "rule"]
PLACES |= {key: [*PLACES["rule"], key] for key in ("contrast", "interval")}
PLACES["paper"] = [*PLACES["heart"], "paper"]

VALUE = {"contrast": {"kind": "value", "name": "n", "reference": 4}, "direction": "equal"}
MEAN = {"kind": "mean", "metric": "share", "reference": 0.5}
SHARE = {"kind": "proportion", "metric": "share", "threshold": 0.5, "reference": 0.9}


def write(folder: Path, content: Any, name: str = "demo") -> Path:
    """Write a claims file, given as a mapping or as text."""
    path = folder / f"{name}.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def changed(place: str, **changes: Any) -> dict[str, Any]:
    """The file with some keys of one place set, or removed where the value is ``...``."""
    content = copy.deepcopy(FILE)
    target = content
    for step in PLACES[place]:
        target = target[step]
    for key, value in changes.items():
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return content
