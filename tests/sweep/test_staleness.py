"""Why a run has to be computed."""

from typing import Any

import pytest

from papers_lib.sweep.staleness import explain_stale

BASE: dict[str, Any] = {
    "run": "toy:run",
    "config": {"epochs": 4, "sizes": [3, 5], "limit": {"$float": "nan"}},
    "data": "a",
    "device": "cpu",
    "initial_weights": "random",
    "libraries": {"python": "3.11", "torch": "2.12.0"},
    "code": {"papers_lib.losses.heatmap": "1", "papers_lib.losses.__init__": "2"},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {**BASE["config"], "epochs": 5}}, "config: epochs 4 → 5"),
        ({"config": {**BASE["config"], "new": 1}}, "config: new (absent) → 1"),
        ({"config": {**BASE["config"], "limit": 2.0}}, "config: limit nan → 2.0"),
        ({"data": "b"}, "data changed"),
        ({"device": "cuda"}, "device: cpu → cuda"),
        ({"initial_weights": "imagenet"}, "initial weights: random → imagenet"),
        ({"libraries": {"python": "3.11", "torch": "2.13.0"}}, "torch 2.12.0 → 2.13.0"),
        (
            {"code": {**BASE["code"], "papers_lib.losses.heatmap": "x"}},
            "code changed: papers_lib/losses/heatmap.py",
        ),
        ({"code": {**BASE["code"], "data_gen.chest": "x"}}, "code changed: data_gen/chest.py"),
        (
            {"code": dict.fromkeys("abcde", "x")},
            "code changed: a.py, b.py, c.py and 4 more",
        ),
        ({"libraries": {"python": "3.12", "torch": "2.12.0"}, "code": {"a": "x"}}, "python 3.11 → 3.12"),
        (
            {"config": {"epochs": 5}, "data": "b"},
            "config: epochs 4 → 5, limit nan → (absent), sizes [3, 5] → (absent); data changed",
        ),
        ({}, "unusable"),
    ],
)
def test_each_difference_is_said(change: dict[str, Any], said: str) -> None:
    assert explain_stale({"toy": [BASE]}, "toy", {**BASE, **change}) == said


def test_without_a_run_of_that_label_it_is_new() -> None:
    assert explain_stale({"other": [BASE]}, "toy", BASE) == "new"


def test_the_nearest_run_is_the_one_compared_with() -> None:
    far = {**BASE, "config": {**BASE["config"], "epochs": 9}}
    near = {**BASE, "data": "b", "device": "cuda"}
    older = {**BASE, "data": "c"}
    assert explain_stale({"toy": [far, near, older]}, "toy", BASE) == "data changed"
    assert explain_stale({"toy": [far, near]}, "toy", BASE) == "data changed; device: cuda → cpu"
