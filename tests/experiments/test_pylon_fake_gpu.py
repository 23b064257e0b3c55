"""A step of every method of the PYLON paper in every way to train it, and runs as a whole, on a pretend GPU."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from papers_lib.experiments import pylon_measures
from papers_lib.experiments.pylon import run
from papers_lib.experiments.pylon_inputs import Inputs
from papers_lib.metrics.masked_out import masked_out
from papers_lib.models.heatmap_methods import METHODS
from tests.experiments.fake_gpu import fake_gpu
from tests.experiments.first_steps import PYLON, SIDE, arms
from tests.experiments.on_both import run_on_both, step_on_both

ALL = {"phases": ("all",), "train_from": 0}
ARMS = arms(PYLON, method=tuple(METHODS)) | {
    "moving": replace(PYLON, statistics="moving"),
    "from the third stage on": replace(PYLON, phases=("all",), mixed=True),
    "all": replace(PYLON, **ALL),
    "radiographs": replace(PYLON, **ALL, policy="radiograph", greys="nih"),
    "photographs": replace(PYLON, **ALL, policy="photograph", channels=3),
}


@pytest.mark.parametrize("config", ARMS.values(), ids=ARMS)
def test_a_step_is_the_same(config):
    values, copies = step_on_both(config)
    # are pixels in [0, 1]? least and greatest
    assert values == ({"papers_lib/augmentation.py": 2} if config.policy else {})
    views = copies.pop("papers_lib/augmentation.py", 0)  # a few numbers an image, drawn on the CPU
    assert views <= (6 if config.policy else 0)
    assert copies == {}


@pytest.mark.parametrize("policy", ["radiograph", "photograph"])
def test_views_are_made_in_full_precision_under_mixed_training(policy):
    """In bfloat16 the sampling grid would be off by a third of a pixel, at 256 px."""
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    inputs, rows = Inputs(images, policy=policy), np.arange(2)
    expected = inputs.batch(rows, "cpu", torch.Generator().manual_seed(0))
    with fake_gpu(), torch.autocast("cuda", dtype=torch.bfloat16):
        found = inputs.batch(rows, "cuda", torch.Generator().manual_seed(0)).cpu()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("method", ["pylon", "cam"])
def test_a_run_of_two_phases_is_the_same_in_all_that_it_measures(store, tmp_path, monkeypatch, method):
    monkeypatch.setattr(pylon_measures, "masked_out", partial(masked_out, step=0.3))
    config = replace(
        PYLON,
        method=method,
        phases=("decoder", "all"),
        epochs=1,
        batch_size=16,
        standardise=True,
        masked=2,
        keep=True,
    )
    found = run_on_both(run, config, store, tmp_path)
    assert found["masked_out_calls"] > 1
    assert found["iou_macro"] >= 0
