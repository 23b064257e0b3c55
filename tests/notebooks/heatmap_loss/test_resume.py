"""Heatmap-loss runs that are broken off go on as if nothing had happened."""

from functools import partial

import pytest
import torch

from heatmap_loss import experiment as heatmap_loss
from heatmap_loss.experiment import HeatmapRun, run
from papers_lib.sweep.context import Context
from papers_lib.training import loop as training
from tests.notebooks.pylon.stores import same

RUN = HeatmapRun(experiment=2, group="heatmap", seed=3, epochs=6, lr_low=2e-3, lr_high=4e-3)


def test_a_run_killed_after_its_first_epoch_gives_the_same_metrics(slices, tmp_path, monkeypatch):
    whole = Context("cpu", slices[2], tmp_path / "whole")
    expected = run(RUN, whole)
    saved, save = [], training._save

    def killed(*args):
        save(*args)
        saved.append(1)
        raise KeyboardInterrupt

    broken = Context("cpu", slices[2], tmp_path / "checkpoint")
    monkeypatch.setattr(heatmap_loss, "train", partial(training.train, checkpoint_every=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(training, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            run(RUN, broken)
    epochs = torch.load(broken.checkpoint, weights_only=True)["history"]
    assert len(epochs) == len(saved) == 1
    with torch.random.fork_rng():
        torch.manual_seed(
            999
        )  # what is drawn comes from generators of the run's own: torch's is not restored
        assert same(run(RUN, broken), expected)
    assert same(broken.arrays, whole.arrays)
