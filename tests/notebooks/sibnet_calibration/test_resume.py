"""Runs that are broken off go on as if nothing had happened, in either stage."""

from dataclasses import replace
from functools import partial

import pytest

from papers_lib.training.loop import train
from sibnet_calibration import experiment as sibnet
from sibnet_calibration.experiment import run
from tests.notebooks.pylon.stores import same
from tests.notebooks.sibnet_calibration.runs import RUN, context

RUNS = {
    "maps": replace(RUN, loss="wbce", distinct=1.4, coherent=3.0, epochs=4, first_epochs=2, dropout=0.2),
    "pesg": replace(RUN, loss="auc", optimizer="pesg", first_loss="bce", epochs=4, first_epochs=2),
    "mimo": replace(RUN, train_from="", inputs=2, repetition=1, epochs=2),
}


@pytest.fixture(scope="module")
def uninterrupted(chexpert, tmp_path_factory):
    found = {}
    for name, config in RUNS.items():
        surroundings = context(chexpert, tmp_path_factory.mktemp("whole") / "checkpoint")
        found[name] = run(config, surroundings), surroundings.arrays
    return found


def broken_off(config, surroundings, monkeypatch, at):
    """Run to the scores after epoch ``at`` (from 1, over both stages); each epoch is saved."""
    calls, scores = [], sibnet.epoch_scores

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


@pytest.mark.parametrize(
    ("name", "at", "files"),
    [
        ("maps", 2, {"checkpoint.stage0"}),
        ("maps", 3, {"checkpoint.stage0"}),
        ("maps", 4, {"checkpoint.stage0", "checkpoint"}),
        ("pesg", 4, {"checkpoint.stage0", "checkpoint"}),
        ("mimo", 2, {"checkpoint"}),
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_result(
    chexpert, tmp_path, monkeypatch, uninterrupted, name, at, files
):
    surroundings = context(chexpert, tmp_path / "checkpoint")
    broken_off(RUNS[name], surroundings, monkeypatch, at)
    assert {path.name for path in tmp_path.iterdir()} == files
    metrics = run(RUNS[name], surroundings)
    assert same(metrics, uninterrupted[name][0])
    assert same(surroundings.arrays, uninterrupted[name][1])
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint"}  # which the sweep removes


def test_a_damaged_checkpoint_starts_its_stage_anew(chexpert, tmp_path, uninterrupted):
    surroundings = context(chexpert, tmp_path / "checkpoint")
    for name in ("checkpoint", "checkpoint.stage0"):
        (tmp_path / name).write_bytes(b"half a fi")
    assert same(run(RUNS["maps"], surroundings), uninterrupted["maps"][0])
