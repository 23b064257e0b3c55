"""Values that an experiment refuses, and the data root, are settled before anything runs."""

import sys
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from papers_lib import files
from papers_lib.companion import experiment_hooks, profiles, staleness
from papers_lib.errors import UserError


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``papers_lib.experiments.toy_parameters``, which takes five seeds at most."""

    def check(parameters: Mapping[str, Any]) -> None:
        if parameters["seeds"] > 5:
            raise UserError(f"parameter seeds: found {parameters['seeds']}, expected at most 5")

    module = ModuleType("papers_lib.experiments.toy_parameters")
    module.check = check  # type: ignore[attr-defined]
    module.__spec__ = ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize(
    "arguments", [["--set", "seeds=6"], ["--profile", "full"], ["--set", "seeds=7", "--dry-run"]]
)
def test_the_experiment_refuses_a_value(
    arguments: list[str], hook: ModuleType, project: Path, papers: Callable
) -> None:
    answer = papers("run", *arguments)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("papers: parameter seeds: found ")
    assert not (project / "reports").exists()


def test_the_experiment_accepts_the_others(hook: ModuleType, project: Path, papers: Callable) -> None:
    assert "toy: would run" in papers("run", "--set", "seeds=5", "--dry-run").out


def test_a_hook_without_its_function_is_a_fault_of_ours(hook: ModuleType) -> None:
    del hook.check
    with pytest.raises(AttributeError, match="check"):
        experiment_hooks.check_parameters("toy", {})
    assert experiment_hooks.find("no.slug", "parameters", "check") is None


def test_a_relative_data_root_is_made_absolute(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_text(project / "images/labels.csv", "a,1\n")
    for options, settings in (({"data_root": "images"}, []), ({}, ["data_root=images"])):
        values = profiles.resolve(project, "toy", "quick", options, settings)
        assert values["data_root"] == str(project.resolve() / "images")
    monkeypatch.setenv("HOME", str(project))
    plan = staleness.make_plan(project, "toy", "quick", options={}, settings=["data_root=~/images"])
    assert plan.parameters["data_root"] == str(project.resolve() / "images")
    assert len(plan.components["data_root"]) == 64
    assert profiles.resolve(project, "toy", "quick")["data_root"] == ""
