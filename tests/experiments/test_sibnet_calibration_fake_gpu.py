"""A step of every loss of the Sibnet experiment, and runs as a whole, on a pretend GPU (``fake_gpu``)."""

from dataclasses import replace

import pytest

from papers_lib.experiments.sibnet_calibration import LOSSES, OPTIMIZERS, run
from tests.experiments.first_steps import SIBNET, arms
from tests.experiments.on_both import run_on_both, step_on_both

BOTH = replace(SIBNET, distinct=1.4, coherent=1.0)
ARMS = (
    arms(
        SIBNET, loss=LOSSES, distinct=(1.4,), coherent=(1.0,), train_from=("",), dropout=(0.5,), mixed=(True,)
    )
    | {f"auc, {name}": replace(SIBNET, loss="auc", optimizer=name) for name in OPTIMIZERS}
    | arms(BOTH, encoded=(False,), estimator=("all",), variant=("published",), mixed=(True,))
    | {"MIMO": replace(SIBNET, inputs=2, repetition=2, train_from="")}
)
CHECKED = {"papers_lib/losses/imbalance.py": 1}  # are labels 0 and 1?
WAITS = {"bce": {}, "wbce": {"papers_lib/losses/imbalance.py": 2}, "focal": CHECKED, "auc": CHECKED}


@pytest.mark.parametrize("config", ARMS.values(), ids=ARMS)
def test_a_step_is_the_same(config):
    values, copies = step_on_both(config)
    if config.coherent:  # connected components are joined until nothing changes
        assert values.pop("papers_lib/losses/map_components.py") > 5
        values.pop("papers_lib/losses/spatial_coherence.py", 0)
    assert values == WAITS[config.loss]
    pairs = sum(copies.values())  # a few numbers that are drawn on the CPU, where pairs are sampled
    assert pairs <= (4 if config.estimator == "sampled" and (config.distinct or config.coherent) else 0)


@pytest.mark.parametrize(
    "config",
    [replace(BOTH, loss="auc", optimizer="pesg", first_epochs=1, epochs=2), ARMS["MIMO"]],
    ids=["two stages", "MIMO"],
)
def test_a_run_is_the_same_in_all_that_it_measures(chexpert, tmp_path, config):
    found = run_on_both(run, replace(config, epochs=2), chexpert.store.root, tmp_path)
    assert 0 <= found["auroc_macro"] <= 1
