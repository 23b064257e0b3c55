"""A checkout whose one notebook reads a data set, where one is given, and trains toy models."""

from pathlib import Path

import nbformat

from papers_lib.companion import paths
from papers_lib.files import write_text
from tests.companion.toy_project import CLAIMS

CELLS = {
    "parameters": """\
profile = "quick"  # size of the run
device = "cpu"
jobs = 1
data_root = ""
models = 4
""",
    "read": "from tests.faults import toy_training",
    "train": """\
from papers_lib.companion import paths
from papers_lib.sweep import DataRef, records_frame, sweep
configs = [toy_training.Toy(seed) for seed in range(models)]
data = DataRef(paths.data_folder(), "f", "synthetic data")
records = sweep(toy_training.run, configs, data=data, cache=paths.cache_folder(), jobs=jobs)
""",
    "report": """\
from matplotlib.figure import Figure
from papers_lib.companion.page import Page
page = Page("SLUG", profile=profile)
page.data(name="numbers", fingerprint="0123abcd", evidence="synthetic data")
frame = records_frame(records)
page.rows(frame)
page.table("numbers", frame[["seed", "status"]], caption="Every run.")
""",
    "figure": """\
figure = Figure(figsize=(3, 2))
figure.subplots().plot(frame["seed"])
display(page.figure("shares", figure, caption="Seeds.", alt="A rising line."))
""",
    "finish": "display(page.claims())\npage.finish()",
}


def write(root: Path, slug: str = "toy", **changed: str) -> Path:
    """Write the checkout, or one more notebook of it; ``changed`` is other text for some of its cells, by name."""
    write_text(root / "pyproject.toml", '[project]\nname = "toy"\n')
    write_text(root / "notebooks/profiles/smoke.yaml", "{}\n")
    write_text(paths.claims_path(root, slug), CLAIMS.replace("slug: toy", f"slug: {slug}"))
    cells = [nbformat.v4.new_code_cell(text.replace("SLUG", slug)) for text in {**CELLS, **changed}.values()]
    cells[0]["metadata"]["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / f"notebooks/{slug}.ipynb")
    return root
