"""Parameters: what a cell declares, what may be set, what a paper's own model refuses, and `papers params`."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from papers_lib import files
from papers_lib.companion import profiles, staleness
from papers_lib.companion.parameters import NotebookParameters
from papers_lib.errors import UserError

MODEL = """\
from typing import Literal, Self
from pydantic import Field, model_validator
from papers_lib.companion.parameters import NotebookParameters


class Parameters(NotebookParameters):
    seeds: int = Field(ge=1, le=8, description="rows a group")
    rate: float = Field(gt=0, description="a float")
    name: Literal["plain", "bold"] = Field(description="of the look")
    levels: list[Literal[1, 2, 7]] = Field(min_length=1, description="some levels")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.name == "bold" and self.seeds < 3:
            raise ValueError(f"parameter seeds: found {self.seeds}, expected 3 or more for name bold")
        return self
"""


@pytest.fixture
def modelled(project: Path) -> Path:
    """The toy checkout with a package of its own."""
    for name, text in (("__init__", ""), ("parameters", MODEL)):
        files.write_text(project / f"notebooks/toy/{name}.py", text)
    return project


@pytest.mark.parametrize(
    ("line", "value", "kind", "help_"),
    [
        ("x = True", True, "bool", ""),
        ("x = -1  # the help", -1, "int", "the help"),
        ("x = 1e-3", 1e-3, "float", ""),
        ("x: str = 'a'", "a", "str", ""),
        ("x = [1, 2.5]", [1, 2.5], "list[float]", ""),
        ("x = []", [], "list", ""),
    ],
)
def test_a_line_of_the_cell(
    line: str, value: object, kind: str, help_: str, toy: ModuleType, tmp_path: Path
) -> None:
    path = toy.write_notebook(tmp_path / "n.ipynb", [toy.cell("code", f"y = 1\n{line}\n", "parameters")])
    assert profiles.declared(path)["x"] == profiles.Parameter("x", value, kind, help_)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([], "expected exactly one cell tagged parameters, found 0"),
        (["x = 1", "x = 1"], "expected exactly one cell tagged parameters, found 2"),
        (["x = f(1)"], r"parameters cell: x: found f\(1\), expected a literal"),
        (["x = [1, 'a']"], "parameters cell: x: found "),
        (["x = None"], "parameters cell: x: found None"),
    ],
)
def test_a_cell_that_declares_no_plain_literals(
    cells: list[str], says: str, toy: ModuleType, tmp_path: Path
) -> None:
    path = toy.write_notebook(tmp_path / "n.ipynb", [toy.cell("code", text, "parameters") for text in cells])
    with pytest.raises(UserError, match=rf"^n\.ipynb: {says}"):
        profiles.declared(path)
    (tmp_path / "n.ipynb").write_text("{}")
    with pytest.raises(UserError, match=r"n\.ipynb: is not a notebook"):
        profiles.declared(tmp_path / "n.ipynb")


@pytest.mark.parametrize("own", [False, True])
def test_later_ones_win_and_numbers_are_pythons(own: bool, request: pytest.FixtureRequest) -> None:
    root = request.getfixturevalue("modelled" if own else "project")
    assert (profiles.model(root, "toy") is not None) == own
    assert profiles.resolve(root, "toy", "quick")["seeds"] == 5
    values = profiles.resolve(root, "toy", "smoke", {"device": "cuda"}, ["rate=1", "levels=[7]"])
    assert values == {
        **{"profile": "smoke", "device": "cuda", "jobs": 0, "data_root": "", "seeds": 3, "rate": 1.0},
        **{"name": "plain", "levels": [7]},
    }
    assert type(values["rate"]) is float
    assert profiles.resolve(root, "toy", "quick", settings=["rate=1e-3"])["rate"] == 0.001
    files.write_text(root / "notebooks/profiles/smoke.yaml", "toy: {rate: 5e-4}\n")
    assert profiles.resolve(root, "toy", "smoke")["rate"] == 0.0005


def test_a_text_parameter_takes_its_text(project: Path) -> None:
    assert profiles.resolve(project, "toy", "quick", settings=["name=2024"])["name"] == "2024"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("seed=3", "unknown parameter seed; did you mean seeds?"),
        ("zebra=3", "unknown parameter zebra; there are profile, device"),
        ("seeds=3.5", "parameter seeds"),
        ("seeds=true", "parameter seeds"),
        ("rate=fast", "parameter rate"),
        ("levels=[a]", "parameter levels"),
        ("levels={", "is not a YAML literal"),
        ("seeds", "expected name=value"),
        ("profile=full", "chosen with --profile"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_what_cannot_be_set_is_one_line(
    setting: str, says: str, own: bool, request: pytest.FixtureRequest, papers: Callable
) -> None:
    root = request.getfixturevalue("modelled" if own else "project")
    answer = papers("run", "--set", setting)
    assert answer.code == 2
    assert answer.err.startswith("papers: ")
    assert says in answer.err
    assert answer.err.count("\n") == 1
    assert not (root / "reports").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("seeds=9", "toy: parameter seeds: Input should be less than or equal to 8 (found 9)"),
        ("rate=0", "toy: parameter rate: Input should be greater than 0"),
        ("rate=.inf", "toy: parameter rate: Input should be a finite number"),
        ("name=red", "toy: parameter name: Input should be 'plain' or 'bold'"),
        ("levels=[]", "toy: parameter levels: "),
        ("levels=[3]", "toy: parameter levels.0: Input should be 1, 2 or 7"),
        ("jobs=-1", "toy: parameter jobs: "),
        ("device=tpu", "toy: parameter device: Input should be 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_the_papers_model_refuses_what_it_cannot_run_with(
    setting: str, says: str, modelled: Path, papers: Callable
) -> None:
    for more in ((), ("--dry-run",)):
        answer = papers("run", "--set", setting, *more)
        assert answer.code == 2
        assert answer.err.startswith(f"papers: {says}")
        assert answer.err.count("\n") == 1
    assert (
        "parameter seeds: found 2, expected 3 or more for name bold"
        in papers("run", "--set", "seeds=2", "--set", "name=bold").err
    )
    assert "toy: would run" in papers("run", "--set", "seeds=8", "--dry-run").out


def test_the_notebook_checks_what_papermill_injected(modelled: Path) -> None:
    values = profiles.resolve(modelled, "toy", "quick")
    paper = profiles.model(modelled, "toy")
    assert paper is not None
    names: dict[str, Any] = {
        **values,
        "_i1": "",
        "In": [],
        "sys": sys,
        "NotebookParameters": NotebookParameters,
    }
    chosen = paper.of({**names, "plan": len, "CLASSES": (1, 2)})
    assert chosen.model_dump() == values
    with pytest.raises(UserError, match=r"parameter seed: unknown; did you mean seeds\?"):
        paper.of({**names, "seed": 1})
    with pytest.raises(UserError, match=r"parameter rate: Field required"):
        paper.of({name: value for name, value in names.items() if name != "rate"})


def test_params_lists_value_range_and_help(modelled: Path, papers: Callable) -> None:
    lines = papers("params", "toy", "--profile", "smoke", "--set", "rate=2").out.splitlines()
    assert [line.split()[0] for line in lines] == list(profiles.resolve(modelled, "toy", "quick"))
    assert "seeds      3        integer >= 1 <= 8  rows a group" in lines
    assert any("2.0" in line and "number > 0" in line for line in lines)
    assert any("list of 1, 2, 7" in line for line in lines)
    assert papers("params", "zoo").err.startswith("papers: zoo: no such notebook")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("toy: {epochs: 3}", r"smoke.yaml, toy: unknown parameter epochs"),
        ("toy: {seeds: '3'}", r"toy: parameter seeds takes int, found '3'"),
        ("toy: 3", "smoke.yaml: expected a mapping"),
        ("toy: {", "smoke.yaml, line 1: "),
    ],
)
def test_profile_files_are_checked_too(text: str, says: str, project: Path) -> None:
    (project / "notebooks/profiles/smoke.yaml").write_text(text)
    with pytest.raises(UserError, match=says):
        profiles.resolve(project, "toy", "smoke")
    with pytest.raises(UserError, match=r"no such profile; there are quick, smoke, full, paper"):
        profiles.resolve(project, "toy", "huge")


def test_a_relative_data_root_is_made_absolute(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_text(project / "images/labels.csv", "a,1\n")
    for options, settings in (({"data_root": "images"}, []), ({}, ["data_root=images"])):
        values = profiles.resolve(project, "toy", "quick", options, settings)
        assert values["data_root"] == str(project.resolve() / "images")
    monkeypatch.setenv("HOME", str(project))
    plan = staleness.make_plan(project, "toy", "quick", options={}, settings=["data_root=~/images"])
    assert plan.parameters["data_root"] == str(project.resolve() / "images")
    assert len(plan.components["data"]["data_root"]) == 64
