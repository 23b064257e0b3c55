"""What a run sees of the sweep."""

from pathlib import Path

import numpy as np
import pytest

from papers_lib.sweep import Context, RunFailed


def test_the_last_array_of_a_name_counts() -> None:
    context = Context("cpu", Path("data"), Path("checkpoint"))
    context.save_arrays(a=[1, 2], b=np.eye(2))
    context.save_arrays(a=[3])
    assert {name: array.tolist() for name, array in context.arrays.items()} == {
        "a": [3],
        "b": [[1, 0], [0, 1]],
    }


def test_arrays_of_objects_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="'boxes' holds Python objects"):
        Context("cpu", Path("data"), Path("checkpoint")).save_arrays(boxes=[object()])


def test_only_outcomes_that_are_results_can_be_raised() -> None:
    assert RunFailed("collapsed", "one class").status == "collapsed"
    with pytest.raises(ValueError, match=r"status must be one of .* got 'ok'"):
        RunFailed("ok", "")
