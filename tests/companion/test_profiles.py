"""Parameters: what a cell declares and what may be set."""

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.companion import profiles
from papers_lib.errors import UserError

literals = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.integers()),
)


@given(literals)
def test_any_literal_survives_the_cell(value: object) -> None:
    parameter = profiles.parse_cell(f"x = {value!r}", "toy")["x"]
    assert parameter.default == value
    assert profiles.check(parameter, value, "toy") == value


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("x = True", "bool"),
        ("x = -1", "int"),
        ("x = 1e-3", "float"),
        ("x: str = 'a'", "str"),
        ("x = [1, 2.5]", "list[float]"),
        ("x = []", "list"),
    ],
)
def test_types(source: str, kind: str) -> None:
    assert profiles.parse_cell(source, "toy")["x"].kind == kind


def test_comment_is_help_and_a_hash_in_a_string_is_not() -> None:
    assert profiles.parse_cell("x = 'a # b'  # the help", "toy")["x"].help == "the help"


@pytest.mark.parametrize(
    "source", ["x = f(1)", "x = y = 1", "import os", "x = None", "x = [1, 'a']", "x, y = 1, 2"]
)
def test_cell_with_anything_but_plain_literals_is_refused(source: str) -> None:
    with pytest.raises(UserError, match=r"toy.ipynb: parameters cell, line 1: expected name = literal"):
        profiles.parse_cell(source, "toy.ipynb")


@pytest.mark.parametrize("count", [0, 2])
def test_exactly_one_parameters_cell(count: int, toy: ModuleType, tmp_path: Path) -> None:
    path = toy.write_notebook(tmp_path / "n.ipynb", [toy.cell("code", "x = 1", "parameters")] * count)
    with pytest.raises(
        UserError, match=f"n.ipynb: expected exactly one cell tagged parameters, found {count}"
    ):
        profiles.declared(path)


def test_overlay_order(project: Path) -> None:
    assert profiles.resolve(project, "toy", "quick")["seeds"] == 5
    assert profiles.resolve(project, "toy", "smoke")["seeds"] == 3
    values = profiles.resolve(
        project, "toy", "smoke", {"device": "cuda"}, ["seeds=2", "rate=1", "levels=[7]"]
    )
    assert values == {
        **{"profile": "smoke", "device": "cuda", "jobs": 0, "data_root": "", "seeds": 2, "rate": 1.0},
        **{"name": "plain", "levels": [7]},
    }
    assert type(values["rate"]) is float


def test_exponent_without_a_point_is_a_float(project: Path) -> None:
    # PyYAML's own resolver reads 1e-3 as a string
    assert profiles.resolve(project, "toy", "quick", settings=["rate=1e-3"])["rate"] == 0.001
    (project / "notebooks/profiles/smoke.yaml").write_text("toy: {rate: 5e-4}\n")
    assert profiles.resolve(project, "toy", "smoke")["rate"] == 0.0005


def test_text_parameter_takes_its_text(project: Path) -> None:
    assert profiles.resolve(project, "toy", "quick", settings=["name=2024"])["name"] == "2024"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed=3", r"unknown parameter seed; there are profile \(str\), .*levels \(list\[int\]\)"),
        ("seeds=3.5", r"parameter seeds takes int, found 3.5 \(float\)"),
        ("seeds=true", r"parameter seeds takes int, found True \(bool\)"),
        ("rate=fast", r"parameter rate takes float, found 'fast' \(str\)"),
        ("levels=[a]", r"parameter levels takes list\[int\], found \['a'\]"),
        ("levels={", "is not a YAML literal"),
        ("seeds", "expected name=value"),
        ("profile=full", "chosen with --profile"),
    ],
)
def test_bad_settings_name_what_is_there(setting: str, message: str, project: Path) -> None:
    with pytest.raises(UserError, match=message):
        profiles.resolve(project, "toy", "quick", settings=[setting])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toy: {epochs: 3}", r"smoke.yaml, toy: unknown parameter epochs"),
        ("toy: {seeds: '3'}", r"smoke.yaml, toy: parameter seeds takes int, found '3'"),
        ("toy: 3", "smoke.yaml: expected a mapping"),
        ("toy: {", "smoke.yaml, line 1: "),
    ],
)
def test_profile_files_are_validated_too(text: str, message: str, project: Path) -> None:
    (project / "notebooks/profiles/smoke.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        profiles.resolve(project, "toy", "smoke")


def test_unknown_profile(project: Path) -> None:
    with pytest.raises(UserError, match=r"no such profile; there are quick, smoke, full, paper"):
        profiles.resolve(project, "toy", "huge")


def test_notebook_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text("{}")
    with pytest.raises(UserError, match=r"n\.ipynb: is not a notebook"):
        profiles.read_notebook(tmp_path / "n.ipynb")
