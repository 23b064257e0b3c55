"""Runs that are broken off on a pretend GPU go on there as if nothing had happened: checkpoints lie on the CPU."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from papers_lib.experiments import plateau, pylon
from papers_lib.experiments.context import Context
from papers_lib.experiments.training import train
from tests.experiments.fake_gpu import fake_gpu
from tests.experiments.first_steps import HEATMAP, PYLON, SIBNET, first_start

PESG = replace(SIBNET, loss="auc", optimizer="pesg")
TWO = replace(PYLON, phases=("decoder", "all"), epochs=2, batch_size=32, keep=True)


def trained(config, epochs, checkpoint=None):
    """Weights and losses."""
    start = first_start(config, "cuda")
    history = train(
        start.model,
        start.objective,
        start.samples,
        optimizer=start.optimizer,
        epochs=epochs,
        batch_size=3,
        generator=torch.Generator().manual_seed(0),
        checkpoint=checkpoint,
        checkpoint_every=0.0,
    )
    return [one.cpu() for one in start.model.state_dict().values()], history.epochs


@pytest.mark.parametrize("config", [HEATMAP, PESG], ids=["Adam", "PESG"])
def test_training_goes_on_from_its_checkpoint(config, tmp_path):
    with fake_gpu():
        weights, epochs = trained(config, 2)
        trained(config, 1, tmp_path / "checkpoint")
        again, both = trained(config, 2, tmp_path / "checkpoint")
    assert both == epochs
    assert all(torch.equal(a, b) for a, b in zip(again, weights, strict=True))


def test_a_run_of_two_phases_goes_on_in_its_second(store, tmp_path, monkeypatch):
    monkeypatch.setattr(plateau, "train", partial(train, checkpoint_every=0.0))
    checks, predict = [], pylon.predict

    def breaking(*args, **options):
        checks.append(1)
        if len(checks) == 4:
            raise KeyboardInterrupt
        return predict(*args, **options)

    with fake_gpu():
        whole = Context("cuda", store, tmp_path / "whole")
        pylon.run(TWO, whole)
        broken = Context("cuda", store, tmp_path / "broken")
        with monkeypatch.context() as patch:
            patch.setattr(pylon, "predict", breaking)
            with pytest.raises(KeyboardInterrupt):
                pylon.run(TWO, broken)
        assert broken.checkpoint.is_file()
        pylon.run(TWO, broken)
    names = [name for name in whole.arrays if name.startswith("weights/")]
    assert names
    assert all(np.array_equal(whole.arrays[name], broken.arrays[name]) for name in names)
