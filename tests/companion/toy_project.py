"""A checkout with one tiny notebook: one figure, one table, one claim, no torch."""

import json
import zlib
from pathlib import Path
from typing import Any

SLUG = "toy"

PARAMETERS = """\
profile = "quick"  # size of the run
device = "cpu"
jobs = 0
data_root = ""
seeds = 5  # rows a group
rate = 0.5  # a float
name = "plain"
levels = [1, 2]
"""

REPORT = """\
import pandas as pd
from matplotlib.figure import Figure
from papers_lib.companion.page import Page
page = Page("toy", profile=profile, parameters={"seeds": seeds, "name": name})
page.data(name="numbers", fingerprint="0123abcd", evidence="synthetic data", sizes={"train": seeds})
shares = [0.9 + 0.01 * i for i in range(seeds)] + [0.1 + 0.01 * i for i in range(seeds)]
frame = pd.DataFrame({"group": ["ours"] * seeds + ["theirs"] * seeds, "share": shares, "status": "ok"})
page.rows(frame)
page.value("n", seeds)
page.table("numbers", frame[["group", "share"]], caption="Every number.")
"""

FIGURE = """\
figure = Figure(figsize=(3, 2))
figure.subplots().plot(shares)
display(page.figure("shares", figure, caption="Shares.", alt="Two levels of points."))
"""

CLAIMS = """\
slug: toy
title: "A toy paper"
authors: "A. Author"
year: 2020
venue: "Nowhere"
url: [{text: "paper", url: "https://example.org/paper"}]
bibtex: "@misc{toy}"
summary: "Two groups of numbers."
verdict: ["Ours is larger: {larger.outcome}."]
items:
  - {id: shares, kind: figure, title: "Shares", printed: "Figure 1"}
  - {id: numbers, kind: table, title: "Numbers", printed: "Table 1"}
  - id: larger
    kind: claim
    title: "Ours is larger than theirs."
    printed: "Section 1"
    paper: {text: ".9 against .1"}
    figure: shares
    rule: {form: unpaired, metric: share, by: group, a: ours, b: theirs, direction: greater, margin: 0.1}
"""

PROFILES = {"smoke": "toy: {seeds: 3}\n", "full": "toy: {seeds: 6}\n", "paper": "toy: {}\n"}


def cell(kind: str, source: str, *tags: str) -> dict[str, Any]:
    """A notebook cell."""
    made: dict[str, Any] = {"cell_type": kind, "id": f"c{zlib.crc32(source.encode()):08x}", "source": source}
    made["metadata"] = {"tags": list(tags)} if tags else {}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def write_notebook(path: Path, cells: list[dict[str, Any]]) -> Path:
    """A notebook of these cells, without a kernelspec: the companion must not depend on one."""
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def toy_cells() -> list[dict[str, Any]]:
    """The cells of the toy notebook."""
    sources = (REPORT, FIGURE, "display(page.claims())", "page.finish()")
    return [cell("code", PARAMETERS, "parameters"), *(cell("code", source) for source in sources)]


def write_project(root: Path) -> Path:
    """Write the checkout into ``root`` and return it."""
    for folder in (f"notebooks/{SLUG}", "notebooks/profiles"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "toy"\n', encoding="utf-8")
    write_notebook(root / "notebooks" / f"{SLUG}.ipynb", toy_cells())
    (root / "notebooks" / SLUG / "claims.yaml").write_text(CLAIMS, encoding="utf-8")
    for profile, text in PROFILES.items():
        (root / "notebooks" / "profiles" / f"{profile}.yaml").write_text(text, encoding="utf-8")
    return root
