"""A toy checkout to run ``papers`` in; its page is made once a session and copied for each test."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from papers_lib.companion.cli import main
from papers_lib.companion.render import render, render_index
from tests.companion import page_fixture, toy_project
from tests.companion.chromium import Browser


class Answer(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


def call(*arguments: str) -> int:
    """Exit code of ``papers ARGUMENTS`` in this process."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@contextmanager
def surroundings() -> Iterator[pytest.MonkeyPatch]:
    """No PAPERS_ variable from outside; the packages of a toy checkout are forgotten afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PAPERS_")]:
            patch.delenv(name)
        patch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        patch.setattr(sys, "path", [*sys.path])
        yield patch
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("toy", "z_paper2"):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A fresh toy checkout, which is the working folder."""
    root = toy_project.write_project(tmp_path / "checkout")
    with surroundings() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy checkout whose quick page has been made."""
    root = toy_project.write_project(tmp_path_factory.mktemp("made") / "checkout")
    with surroundings() as patch:
        patch.chdir(root)
        assert call("run") == 0
    return root


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout with a finished page, which is the working folder."""
    root = Path(shutil.copytree(made_once, tmp_path / "made"))
    with surroundings() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture
def papers(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run ``papers`` in this process: ``papers("run", "--force")``."""

    def run(*arguments: str) -> Answer:
        capfd.readouterr()
        code = call(*arguments)
        captured = capfd.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A page and an index with everything that they can show, rendered."""
    with page_fixture.checkout(tmp_path_factory.mktemp("co")) as root:
        page_fixture.record(root)
        out = page_fixture.build(root)
        yield {"page": render("demo", out, root), "index": render_index(out, root)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once a module."""
    with Browser() as started:
        yield started
