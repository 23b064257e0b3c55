"""Which backend a sweep takes."""

import importlib.util

import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.backends import pick_backend


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


def test_the_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAPERS_BACKEND", raising=False)
    assert pick_backend(None) == "loky"
    monkeypatch.setenv("PAPERS_BACKEND", "ray")
    assert (pick_backend(None), pick_backend("loky")) == ("ray", "loky")
    monkeypatch.setenv("PAPERS_BACKEND", "")
    assert pick_backend(None) == "loky"


def test_another_name_is_refused_with_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^backend: found 'dask', expected one of loky, ray$"):
        pick_backend("dask")
    monkeypatch.setenv("PAPERS_BACKEND", "rya")
    with pytest.raises(UserError, match=r"^PAPERS_BACKEND: found 'rya', expected one of loky, ray$"):
        pick_backend(None)


def test_an_absent_ray_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^backend ray: .* pip install -e '\.\[ray\]' installs it$"):
        pick_backend("ray")
    assert pick_backend("loky") == "loky"
