"""Every step of the heatmap-loss experiment, and one run as a whole, on a pretend GPU (``fake_gpu``)."""

from dataclasses import replace

import pytest

from papers_lib.cams import METHODS
from papers_lib.experiments.heatmap_loss import GROUPS, run
from papers_lib.losses.heatmap import FORMS
from tests.experiments.first_steps import HEATMAP, arms
from tests.experiments.on_both import run_on_both, step_on_both

CHECKED = {"papers_lib/losses/sigmoid_classification.py": 1}  # are the targets classes?
ARMS = arms(
    HEATMAP,
    group=GROUPS,
    form=FORMS,
    method=tuple(METHODS),
    target=("true",),
    mask=("area",),
    mixed=(True,),
) | {"frozen": replace(HEATMAP, group="cce", train_features=False)}


@pytest.mark.parametrize("config", ARMS.values(), ids=ARMS)
def test_a_step_is_the_same(config):
    values, copies = step_on_both(config)
    expected = dict(CHECKED)
    if config.group == "heatmap":
        expected["papers_lib/losses/heatmap.py"] = 2  # least and greatest value of the mask
    if config.target == "true":
        expected["papers_lib/class_gradients.py"] = 1
    assert values == expected
    assert copies == {}


def test_a_run_is_the_same_in_all_that_it_measures(slices, tmp_path):
    """On the second experiment, whose sex label is switched on and off; a run this short does not learn the rest."""
    config = replace(
        HEATMAP, experiment=2, group="cce", train_features=False, epochs=8, lr_low=2e-3, lr_high=2e-3
    )
    assert run_on_both(run, config, slices[2], tmp_path)["toggle_change"] > 0
