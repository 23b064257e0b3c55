"""A checkout whose one notebook reads a data set, where one is given, and trains toy models; "other" is its twin."""

from pathlib import Path

from papers_lib.files import write_text
from tests.companion import toy_project
from tests.companion.toy_project import cell, write_notebook

PARAMETERS = """\
profile = "quick"  # size of the run
device = "cpu"
jobs = 1
data_root = ""
models = 4
"""

READ = """\
from papers_lib.companion import paths
from tests.faults import toy_training
if data_root:
    from tests.faults.releases import read
    read(data_root)
"""

TRAIN = """\
from papers_lib.sweep.core import DataRef, records_frame, sweep
configs = [toy_training.Toy(seed) for seed in range(models)]
data = DataRef(paths.data_folder(), "f", "stand-in")
records = sweep(toy_training.run, configs, data=data, cache=paths.cache_folder(), jobs=jobs)
"""

REPORT = """\
from matplotlib.figure import Figure
from papers_lib.companion.page import Page
page = Page("SLUG", profile=profile)
page.data(name="numbers", fingerprint="0123abcd", evidence="stand-in")
frame = records_frame(records)
page.rows(frame)
page.table("numbers", frame[["seed", "status"]], caption="Every run.")
"""

FIGURE = """\
figure = Figure(figsize=(3, 2))
figure.subplots().plot(frame["seed"])
display(page.figure("shares", figure, caption="Seeds.", alt="A rising line."))
"""

FINISH = "display(page.claims())\npage.finish()"


def write(root: Path, slug: str = "toy", **changed: str) -> Path:
    """Write the checkout, or one more notebook of it.

    Args: root; slug of the notebook; changed, other text for one of its cells, by name (read, train, report, figure).
    """
    if not (root / "pyproject.toml").exists():
        toy_project.write_project(root)
    cells = {"read": READ, "train": TRAIN, "report": REPORT, "figure": FIGURE, **changed}
    sources = [source.replace("SLUG", slug) for source in cells.values()]
    code = [cell("code", source) for source in [*sources, FINISH]]
    write_notebook(root / f"notebooks/{slug}.ipynb", [cell("code", PARAMETERS, "parameters"), *code])
    claims = toy_project.CLAIMS.replace("slug: toy", f"slug: {slug}")
    write_text(root / f"notebooks/claims/{slug}.yaml", claims)
    write_text(root / "notebooks/profiles/smoke.yaml", "{}\n")
    return root
