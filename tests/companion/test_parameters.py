"""Parameters: what a cell declares, what may be set, what a paper's own model refuses, and `papers params`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from papers_lib import files
from papers_lib.companion import parameters
from papers_lib.companion.parameters import NotebookParameters, resolve
from papers_lib.errors import UserError
from tests.companion.toy_project import cell, write_notebook

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


@pytest.fixture(params=["project", "modelled"])
def either(request: pytest.FixtureRequest) -> Path:
    """The toy checkout, without a model of its own and with one."""
    root: Path = request.getfixturevalue(request.param)
    return root


def test_a_cell_gives_names_values_and_help(tmp_path: Path) -> None:
    text = "x = -1  # the help\ny: float = 1e-3\nz = [1, 2.5]\n"
    found = parameters.declared(write_notebook(tmp_path / "n.ipynb", [cell("code", text, "parameters")]))
    assert [(one.name, one.default, one.help) for one in found.values()] == [
        ("x", -1, "the help"),
        ("y", 0.001, ""),
        ("z", [1, 2.5], ""),
    ]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([], "expected exactly one cell tagged parameters, found 0"),
        (["x = 1", "x = 1"], "expected exactly one cell tagged parameters, found 2"),
        (["x = f(1)"], r"parameters cell: x: found f\(1\), expected a literal"),
        (["x = {1}"], "parameters cell: x: found {1}"),
    ],
)
def test_a_cell_that_declares_no_plain_literals(cells: list[str], says: str, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", [cell("code", text, "parameters") for text in cells])
    with pytest.raises(UserError, match=rf"^n\.ipynb: {says}"):
        parameters.declared(path)


def test_later_ones_win_and_numbers_are_pythons(either: Path) -> None:
    assert dict(resolve(either, "toy", "quick"))["seeds"] == 5
    values = dict(resolve(either, "toy", "smoke", {"device": "cuda"}, ["rate=1", "levels=[7]"]))
    assert values == {
        **{"profile": "smoke", "device": "cuda", "jobs": 0, "data_root": "", "seeds": 3, "rate": 1.0},
        **{"name": "plain", "levels": [7]},
    }
    assert type(values["rate"]) is float
    assert dict(resolve(either, "toy", "quick", settings=["rate=1e-3"]))["rate"] == 0.001
    files.write_text(either / "notebooks/profiles/smoke.yaml", "toy: {rate: 5e-4}\n")
    assert dict(resolve(either, "toy", "smoke"))["rate"] == 0.0005


def test_a_text_parameter_takes_its_text(project: Path) -> None:
    assert dict(resolve(project, "toy", "quick", settings=["name=2024"]))["name"] == "2024"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("seed=3", "toy: unknown parameter seed; did you mean seeds?"),
        ("zebra=3", "toy: unknown parameter zebra; there are profile, device"),
        ("seeds=3.5", "toy: parameter seeds: Input should be a valid integer"),
        ("seeds=true", "toy: parameter seeds: Input should be a valid integer"),
        ("rate=fast", "toy: parameter rate: Input should be a valid number"),
        ("rate=.inf", "toy: parameter rate: Input should be a finite number"),
        ("device=tpu", "toy: parameter device: Input should be 'auto', 'cpu' or 'cuda'"),
        ("jobs=-1", "toy: parameter jobs: "),
        ("levels={", "--set levels={: the value is not a YAML literal"),
        ("seeds", "--set seeds: expected name=value"),
        ("profile=full", "chosen with --profile"),
    ],
)
def test_what_cannot_be_set_is_one_line(setting: str, says: str, either: Path) -> None:
    with pytest.raises(UserError) as refused:
        resolve(either, "toy", "quick", settings=[setting])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["seeds=9"], "parameter seeds: Input should be less than or equal to 8 (found 9)"),
        (["levels=[a]"], "parameter levels.0: Input should be "),
        (["name=red"], "parameter name: Input should be 'plain' or 'bold'"),
        (["seeds=2", "name=bold"], "parameter seeds: found 2, expected 3 or more for name bold"),
    ],
)
def test_the_papers_model_stops_the_command(
    settings: list[str], says: str, modelled: Path, papers: Callable
) -> None:
    answer = papers("run", *(word for setting in settings for word in ("--set", setting)))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith(f"papers: toy: {says}")
    assert not (modelled / "reports").exists()


def test_the_notebook_checks_what_papermill_injected(modelled: Path) -> None:
    values, paper = dict(resolve(modelled, "toy", "quick")), parameters.model(modelled, "toy")
    names: dict[str, Any] = {**values, "_i1": "", "In": [], "sys": sys, "Base": NotebookParameters}
    assert dict(paper.of({**names, "plan": len, "CLASSES": (1, 2)})) == values
    with pytest.raises(UserError, match=r"parameter seed: unknown; did you mean seeds\?"):
        paper.of({**names, "seed": 1})
    with pytest.raises(UserError, match=r"parameter rate: Field required"):
        paper.of({name: value for name, value in names.items() if name != "rate"})


def test_params_lists_value_range_and_help(either: Path, papers: Callable) -> None:
    lines = papers("params", "toy", "--profile", "smoke", "--set", "rate=2").out.splitlines()
    assert [line.split()[0] for line in lines] == list(dict(resolve(either, "toy", "quick")))
    assert any(
        line.split()[:2] == ["seeds", "3"] and "integer" in line and "rows a group" in line for line in lines
    )
    assert any("2.0" in line and "number" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("toy: {epochs: 3}", r"smoke.yaml, toy: unknown parameter epochs"),
        ("toy: {seeds: '3'}", r"toy: parameter seeds: Input should be a valid integer \(found '3'\)"),
        ("toy: 3", "smoke.yaml: expected a mapping"),
        ("toy: {", "smoke.yaml, line 1: "),
    ],
)
def test_profile_files_are_checked_too(text: str, says: str, project: Path) -> None:
    (project / "notebooks/profiles/smoke.yaml").write_text(text)
    with pytest.raises(UserError, match=says):
        resolve(project, "toy", "smoke")


def test_a_relative_data_root_is_made_absolute(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    for options, settings in (({"data_root": "images"}, []), ({}, ["data_root=~/images"])):
        chosen = resolve(project, "toy", "quick", options, settings)
        assert chosen.data_root == str(project.resolve() / "images")


def test_a_paper_comes_from_the_checkout_that_is_meant(modelled: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    files.write_text(other / "toy/__init__.py", "")
    files.write_text(other / "toy/parameters.py", "raise SystemExit('of another checkout')")
    sys.path.insert(0, str(other))
    assert parameters.model(modelled, "toy").__module__ == "toy.parameters"
