"""Every step of the CAM-entropy experiment, and one run as a whole, on a pretend GPU (``fake_gpu``)."""

from dataclasses import replace

import pytest

from papers_lib.experiments.cam_entropy import run
from tests.experiments.first_steps import ENTROPY, arms
from tests.experiments.on_both import run_on_both, step_on_both

ARMS = arms(
    ENTROPY,
    beta=(0.0,),
    form=("relu", "shifted", "offset"),
    measure=("ca", "cd"),
    others=(1.0,),
    mixed=(True,),
)


@pytest.mark.parametrize("config", ARMS.values(), ids=ARMS)
def test_a_step_is_the_same(config):
    values, copies = step_on_both(config)
    checked = "papers_lib/losses/cam_sharpness.py" if config.others else "papers_lib/models/classifier.py"
    assert values == {checked: 1}  # are the targets classes?
    assert copies == ({checked: 1} if config.others else {})  # a number written into a mask


def test_a_run_is_the_same_in_all_that_it_measures(opened, tmp_path):
    config = replace(ENTROPY, epochs=1, deletion=2)
    assert run_on_both(run, config, opened.crops.root, tmp_path)["deletion_area"] > 0


def test_a_run_without_a_frozen_part_is_the_same(opened, tmp_path):
    config = replace(ENTROPY, epochs=1, train_from="", mixed=True, beta=0.0)
    run_on_both(run, config, opened.crops.root, tmp_path)
