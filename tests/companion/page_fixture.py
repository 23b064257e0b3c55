"""A small checkout with one paper and an executed notebook, made without a kernel, for the tests of the page.

The notebook's cells are run here, in this process, and what they return is stored as their outputs.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import numpy as np
import pandas as pd

from papers_lib.companion.page import Page
from papers_lib.files import write_json, write_text
from papers_lib.plots import map_grid, strip_panels

SLUG = "demo"
SYNTHETIC = "synthetic data"

CLAIMS = (Path(__file__).parent / "demo_claims.yaml").read_text(encoding="utf-8")

METHOD = r"""## Method

The loss adds the heat outside the mask, $H \odot M$, to the squared error, where `$not_maths$` stays code:

$$ L = \frac{1}{C}\sum_{c=1}^{C} (y_c - \hat y_c)^2 + \lambda \, \frac{1}{|\Omega|}\sum_{i \in \Omega} \frac{\mathrm{ReLU}(H_i)}{\max_j \mathrm{ReLU}(H_j)} M_i \qquad \text{with } \lambda = 1 \text{ and } \Omega \text{ the } 6 \times 8 \text{ cells} $$

### Deviations

| question | the paper | here |
| --- | --- | --- |
| sum or mean | “sum” in the text, a mean over 48 cells in the authors' code | mean |

## Results
"""  # noqa: E501


def runs() -> pd.DataFrame:
    """24 runs of two groups: heat in the heart 0.3 against 0.8, accuracies alike."""
    generator = np.random.default_rng(3)
    group = ["cce"] * 12 + ["heatmap"] * 12
    share = np.array([0.3] * 12 + [0.8] * 12) + 0.05 * generator.standard_normal(24)
    accuracy = 0.98 + 0.004 * generator.standard_normal(24)
    told = {"group": group, "seed": [*range(12)] * 2, "status": "ok"}
    return pd.DataFrame(told | {"heart_share": share, "accuracy": accuracy})


def discs() -> tuple[np.ndarray, np.ndarray]:
    """Eight grey discs on black, [8, 48, 48], and a coarse map over each, [8, 6, 6]."""
    rows, columns = np.mgrid[:48, :48] / 48 - 0.5
    radius = np.linspace(0.15, 0.4, 8)[:, None, None]
    return np.where(np.hypot(rows, columns) < radius, 0.7, 0.05), np.random.default_rng(0).random((8, 6, 6))


@contextlib.contextmanager
def checkout(folder: Path) -> Iterator[Path]:
    """A folder that looks like a checkout to the companion; it is the working folder meanwhile."""
    write_text(folder / "pyproject.toml", "")
    write_text(folder / "notebooks" / SLUG / "claims.yaml", CLAIMS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAPERS_")}
    with contextlib.chdir(folder), mock.patch.dict(os.environ, environment, clear=True):
        yield folder


def _code(source: str, shown: Any = None, tags: tuple[str, ...] = ()) -> Any:
    outputs = []
    for kind, method in (("text/html", "_repr_html_"), ("text/markdown", "_repr_markdown_")):
        if hasattr(shown, method):
            outputs = [nbformat.v4.new_output("display_data", data={kind: getattr(shown, method)()})]
    return nbformat.v4.new_code_cell(source, outputs=outputs, metadata={"tags": list(tags)})


def build(root: Path) -> Path:
    """Run the demonstration paper inside ``checkout``; returns the report folder, ready for ``render``."""
    page = Page(SLUG, profile="quick", parameters={"profile": "quick", "seeds": 12})
    out = root / "reports" / "quick"
    page.data(name="discs", fingerprint="0123456789abcdef" * 4, evidence=SYNTHETIC, sizes={"train": 300})
    frame = runs()
    page.rows(frame)
    page.value("share", float(frame.heart_share.mean()))
    images, maps = discs()
    grid = map_grid(images, maps, [f"disc {i}" for i in range(8)], label="heat")
    noise = {"caption": "The map follows nothing: it is noise.", "raster": True}
    noise["alt"] = "Eight grey discs with coarse heat maps over them"
    shares = {"y": "heart_share", "baselines": {"chance": 0.21}, "labels": ("", "heat in the heart")}
    strip = strip_panels([shares], frame=frame, x="group")
    dots = {"caption": "Each dot is a run.", "alt": "Dots: heatmap at 0.8, CCE at 0.3"}
    wide = frame.head(6).assign(**{f"measurement {i}": np.linspace(0, i, 6) for i in range(1, 9)})
    noisy = _code("run()")
    noisy.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="WARNING on stderr\n"),
        nbformat.v4.new_output("stream", name="stdout", text="\r 10 %\r 20 %\nplain line\n"),
    ]
    long_line = "# Train both groups\nresult = " + " + ".join(f"very_long_name_{i}" for i in range(40))
    cells = [
        nbformat.v4.new_markdown_cell("# Title for the lab", metadata={"tags": ["lab-only"]}),
        _code("profile = 'quick'", tags=("parameters",)),
        _code("# Parameters\nprofile = 'quick'\nseeds = 12", tags=("injected-parameters",)),
        nbformat.v4.new_markdown_cell(METHOD),
        _code(long_line + "\nfor seed in range(12):\n    print(f'{seed:2d}', 1.5, None)  # a comment"),
        noisy,
        _code("# Heat in the heart by group", page.figure("fig6", strip, **dots)),
        _code("page.figure(...)", page.figure("maps", grid, **noise)),
        _code("page.table(...)", page.table("wide", wide, caption="The first runs, with many columns.")),
        _code("page.text(...)", page.text("Mean share: **{share:.2f}**; the claim {heart.word}, $x^2$.")),
        nbformat.v4.new_markdown_cell("## Wide\n\nA heading named as a table.\n\n## Limits\n\nAll of it."),
    ]
    page.finish()
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, out / f"{SLUG}_files" / "executed.ipynb")
    manifest = {"slug": SLUG, "profile": "quick", "commit": "0123456789abcdef" * 2, "seeds": 12}
    manifest |= {"date": "2026-03-01T12:30:59Z", "wall_seconds": 192.3, "libraries": {"numpy": "2.0.0"}}
    manifest |= {"device": {"name": "Example CPU at 2.5 GHz"}, "machine": {"cores": 2}}
    manifest |= {"command": f"papers run {SLUG} --profile quick"}
    write_json(out / f"{SLUG}.manifest.json", manifest)
    return out


def record(root: Path, name: str = "gpu") -> Path:
    """A recorded result of the demonstration paper, as ``papers run --record`` writes it."""
    content = {"schema": 1, "slug": SLUG, "name": name, "date": "2026-02-01T08:00:00Z", "claims": []}
    data = {"fingerprint": "aa" * 32, "evidence": "real data", "sizes": {}, "note": "a sample"}
    content |= {"commit": "fedcba9876543210", "evidence": "real data", "data": {"discs": data}}
    table = {"caption": "Accuracy.", "columns": ["group", "n"], "rows": [["cce", 3]]}
    content |= {"values": {"share": 0.5}, "tables": {"accuracy": table}}
    content |= {"device": {"type": "cuda", "name": "Example GPU"}}
    return write_json(root / "reports" / "full" / "recorded" / f"{SLUG}.{name}.json", content)
