"""Runs of the Sibnet experiment: what they train and measure, and that a broken one goes on."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from papers_lib.errors import UserError
from papers_lib.losses.pesg import PESG
from papers_lib.sweep import RunFailed
from papers_lib.training import train
from sibnet_calibration import experiment as sibnet
from sibnet_calibration.experiment import build, run
from tests.notebooks.sibnet_calibration.runs import RUN, context, same

TRAIN, VAL, TEST, CLASSES, CELLS = 24, 9, 21, 5, 4
BOTH = replace(RUN, arm="saliency", loss="wbce", distinct=1.4, coherent=3.0, first_epochs=1)
AUC = replace(RUN, loss="auc")


@pytest.fixture
def go(chexpert, tmp_path):
    """Runs a config: its metrics and arrays."""

    def running(config, name="checkpoint"):
        found = context(chexpert, tmp_path / name)
        return run(config, found), found.arrays

    return running


@pytest.fixture
def stages(monkeypatch):
    """What the training loop is called with, stage by stage; it trains as ever."""
    asked = []

    def watching(model, objective, samples, **options):
        asked.append(options)
        return train(model, objective, samples, **options)

    monkeypatch.setattr(sibnet, "train", watching)
    return asked


def curve(arrays, name):
    return arrays["curves"][:, arrays["curve_names"].tolist().index(name)]


def test_a_run_of_two_stages_measures_everything_and_the_same_twice(go, tmp_path):
    metrics, arrays = go(BOTH)
    torch.manual_seed(99)  # what the caller drew before is no matter
    again, others = go(BOTH, "again")
    assert same(metrics, again)
    assert same(arrays, others)
    assert (metrics["setting"], metrics["train_images"]) == ("cd_sc_two_stage", TRAIN)
    sizes = {"train": TRAIN, "val": VAL, "test": TEST, "contrast": TEST}
    assert all(arrays[f"{part}_logits"].shape == (size, CLASSES) for part, size in sizes.items())
    assert arrays["maps"].shape == (TEST, CLASSES, CELLS, CELLS)
    assert curve(arrays, "stage").tolist() == [0, 1]
    for name in ("label_loss", "distinctiveness", "coherence"):
        assert np.isnan(curve(arrays, name)).tolist() == [True, False], name
    added = curve(arrays, "label_loss") + 1.4 * curve(arrays, "distinctiveness")
    added += 3.0 * curve(arrays, "coherence")
    assert metrics["train_loss"] == curve(arrays, "loss")[1] == pytest.approx(added[1], rel=1e-5)
    assert not list(tmp_path.iterdir())  # runs too short to be saved


def test_losses_of_a_seed_share_the_initial_weights_and_seeds_do_not():
    before = torch.random.get_rng_state()
    bce, cd, other = (build(one, 3).state_dict() for one in (RUN, BOTH, replace(RUN, seed=1)))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(cd[name], value) for name, value in bce.items())
    assert not torch.equal(other["linear.weight"], bce["linear.weight"])


def test_a_mimo_run_sees_as_many_images_a_step_and_in_all(go, stages):
    go(replace(RUN, epochs=4, batch_size=8, train_from="", inputs=2, repetition=2))
    assert [(one["epochs"], one["batch_size"]) for one in stages] == [(2, 4)]


def test_pesg_steps_in_the_stage_of_its_loss_alone_and_adam_descends_on_alpha_unless_told(go, stages):
    go(replace(AUC, optimizer="pesg", first_loss="bce", first_epochs=1))
    for optimizer in ("adam", "adam_ascending"):
        go(replace(AUC, optimizer=optimizer))
    first, second, *adams = (one["optimizer"] for one in stages)
    assert isinstance(first, torch.optim.Adam)
    assert isinstance(second, PESG)
    assert (second.loss.alpha >= 0).all()
    descended, ascended = (adam.param_groups[0]["params"][-1].detach() for adam in adams)
    assert descended.shape == (CLASSES,)
    assert (descended < 0).all()
    assert (ascended > 0).all()


def test_a_loss_that_is_not_finite_is_a_recorded_divergence(go):
    with pytest.raises(RunFailed, match="epoch 1 of 1") as caught:
        go(replace(BOTH, learning_rate=math.inf))
    assert caught.value.status == "diverged"


def test_what_a_config_cannot_be():
    for changes in ({"inputs": 2}, {"inputs": 2, "train_from": "", "distinct": 1.0}, {"optimizer": "pesg"}):
        with pytest.raises(UserError, match=r"inputs: found 2|optimizer: found pesg"):
            replace(RUN, **changes)


BROKEN = {
    "maps": (replace(RUN, loss="wbce", distinct=1.4, coherent=3.0, epochs=4, first_epochs=2, dropout=0.2), 4),
    "pesg": (replace(AUC, optimizer="pesg", first_loss="bce", epochs=4, first_epochs=2), 3),
    "mimo": (replace(RUN, train_from="", inputs=2, repetition=1, epochs=2), 2),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_interrupted_run_goes_on_to_the_same_result(chexpert, tmp_path, monkeypatch, name):
    """Broken off at the scores after an epoch (from 1, over both stages); each epoch is saved."""
    config, at = BROKEN[name]
    surroundings, plain = context(chexpert, tmp_path / "checkpoint"), context(chexpert, tmp_path / "plain")
    expected, calls, scores = run(config, plain), [], sibnet.epoch_scores

    def breaking(*args):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return scores(*args)

    monkeypatch.setattr(sibnet, "train", partial(train, checkpoint_every=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(sibnet, "epoch_scores", breaking)
        with pytest.raises(KeyboardInterrupt):
            run(config, surroundings)
    assert any(tmp_path.iterdir())
    assert same(run(config, surroundings), expected)
    assert same(surroundings.arrays, plain.arrays)
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint"}  # which the sweep removes
