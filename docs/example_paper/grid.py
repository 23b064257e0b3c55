"""The runs of the paper, for its notebook, the dry run and the tests."""

from functools import partial

from data_gen.store import ensure
from example_paper.data import Spec, write
from example_paper.experiment import PaperRun, run
from example_paper.parameters import Parameters
from papers_lib.companion import paths
from papers_lib.sweep import DataRef, Part


def open_data(chosen: Parameters) -> DataRef:
    """The synthetic set, made once and named by the fingerprint of what made it."""
    spec = Spec(chosen.train_images, chosen.test_images, chosen.data_seed)
    root = ensure(paths.data_folder(), "example_paper", spec, write)
    return DataRef(root, root.name.rpartition("-")[2], "synthetic data")


def plan(chosen: Parameters) -> list[Part]:
    """Both groups share seeds, and with the seed initial weights and order of samples."""
    weights = {"baseline": 0.0, "proposed": chosen.smoothing}
    runs = [
        PaperRun(group, seed, chosen.epochs, weight)
        for seed in range(chosen.seeds)
        for group, weight in weights.items()
    ]
    return [Part("bright spots", run, runs, partial(open_data, chosen), chosen.train_images)]
