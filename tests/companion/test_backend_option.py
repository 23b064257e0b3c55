"""``papers run --backend``: said to the kernel, and settled before anything runs."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib.companion import publish, staleness


def test_an_absent_ray_is_one_line_before_anything_runs(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else find(name))
    for way in (["--backend", "ray"], ["--backend", "ray", "--dry-run"]):
        answer = papers("run", *way)
        assert answer.code == 2
        assert answer.err.count("\n") == 1
        assert answer.err.startswith("papers: backend ray: the package is not installed here; pip install")
    monkeypatch.setenv("PAPERS_BACKEND", "ray")
    assert papers("run").err.startswith("papers: PAPERS_BACKEND ray: ")
    assert not (project / "reports").exists()


def test_another_name_lists_those_that_exist(papers: Callable, project: Path) -> None:
    answer = papers("run", "--backend", "dask")
    assert answer.code == 2
    assert "'dask' is not one of 'processes', 'ray', 'loky'" in answer.err
    assert not (project / "reports").exists()


@pytest.mark.parametrize("backend", ["loky", "ray"])
def test_the_kernel_is_told_and_nothing_depends_on_it(backend: str, project: Path) -> None:
    plan = staleness.make_plan(project, "toy", "quick", options={}, settings=[], backend=backend)
    assert publish._variables(plan, project, project)["PAPERS_BACKEND"] == backend
    assert plan.components == staleness.make_plan(project, "toy", "quick", options={}, settings=[]).components
