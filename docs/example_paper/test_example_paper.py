"""The experiment of example_paper: its groups share all but the term, and a run depends on its config alone."""

from dataclasses import replace

import numpy as np
import pytest

from example_paper.data import SIDE, Spec, load, write
from example_paper.experiment import PaperRun, run
from papers_lib.errors import UserError
from papers_lib.sweep import Context, one_thread

BASE = PaperRun("baseline", seed=1, epochs=3, smoothing=0.0)


@pytest.fixture
def context(tmp_path):
    write(tmp_path, Spec(train=200, test=100, seed=0))
    with one_thread():
        yield Context("cpu", tmp_path, tmp_path / "checkpoint")


def test_the_bright_half_is_the_labelled_one(context):
    images, labels = load(context.data_root, "train", "cpu")
    right_less_left = (images[..., SIDE // 2 :] - images[..., : SIDE // 2]).sum((1, 2, 3))
    # nine pixels of 1.2 against the noise of 144, whose sum has a deviation of 12: found in 4 of 5
    assert 0.7 < ((right_less_left > 0) == (labels == 1)).double().mean() < 0.95


def test_a_run_learns_and_the_term_lowers_its_confidence(context):
    found, smoothed = run(BASE, context), run(replace(BASE, group="proposed", smoothing=0.2), context)
    assert found["accuracy"] > 0.6
    assert smoothed["confidence"] < found["confidence"]
    assert run(BASE, context) == pytest.approx(found)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"images\.npz: cannot be read"):
        load(tmp_path, "train", "cpu")


def test_the_seed_decides_the_content(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, Spec(train=20, test=20, seed=seed))
    a, b, c = (load(tmp_path / name, "test", "cpu")[0].numpy() for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
