"""``papers new``: a paper that runs at once, made whole or not at all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from papers_lib.companion import parameters
from papers_lib.companion.claims import load_claims

ROOT = Path(__file__).resolve().parents[2]
SLUG = "z_paper2"


def content(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_a_new_paper_runs_at_once_and_passes_its_tests(project: Path, papers: Callable) -> None:
    assert papers("new", SLUG, "--title", 'A "title": 5 %').code == 0
    answer = papers("run", SLUG, "--profile", "smoke", "--jobs", "1")
    assert (answer.code, answer.err) == (0, "")
    results = json.loads((project / f"reports/smoke/{SLUG}.results.json").read_text())
    assert [row["status"] for row in results["rows"]] == ["ok"] * 6
    assert {"fig1"} == results["figures"].keys()
    assert [claim["outcome"] for claim in results["claims"]] != ["not tested"]
    assert "A &#34;title&#34;: 5 %" in (project / f"reports/smoke/{SLUG}.html").read_text()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{project / 'notebooks'}"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "baseline: 8 runs" in papers("run", SLUG, "--dry-run").out


def test_it_fits_in_and_the_profiles_keep_what_they_had(project: Path, papers: Callable) -> None:
    (project / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for name in ("papers_lib", "data_gen"):
        (project / name).symlink_to(ROOT / name)
    before = yaml.safe_load((project / "notebooks/profiles/full.yaml").read_text())
    answer = papers("new", SLUG, "--title", "𝒜 <b> & é", "--year", "1999")
    assert answer.code == 0
    assert f"made notebooks/{SLUG}.ipynb" in answer.out
    after = yaml.safe_load((project / "notebooks/profiles/full.yaml").read_text())
    assert after == {**before, SLUG: {"seeds": 20, "train_images": 1000, "test_images": 1000}}
    claims = load_claims(project / f"notebooks/{SLUG}/claims.yaml")
    assert (claims.title, claims.year) == ("𝒜 <b> & é", 1999)
    fields = parameters.model(project, SLUG).model_fields
    for name, one in parameters.declared(project / f"notebooks/{SLUG}.ipynb").items():
        assert name in ("profile", "device", "jobs", "data_root") or one.help == fields[name].description
    code = [project / "notebooks", project / "tests"]
    assert not any("example_paper" in p.read_text() for folder in code for p in folder.rglob("*.*"))
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache", "--exclude", "toy.ipynb", *code]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    made = content(project / "notebooks")
    assert "choose another" in papers("new", SLUG).err
    assert content(project / "notebooks") == made


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["../up"], "slug '../up': expected lower-case words"),
        (["class"], "slug class: has a meaning of its own"),
        (["json"], "slug json: has a meaning of its own"),
        (["a" * 25], "24 characters at most"),
        ([SLUG, "--title", "two\nlines"], "expected one line of text"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    arguments: list[str], line: str, project: Path, papers: Callable
) -> None:
    before = content(project)
    answer = papers("new", *arguments)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert line in answer.err
    assert content(project) == before


def test_a_disk_that_fills_up_leaves_nothing_behind(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def full(path: Path, *_: object, **__: object) -> None:
        written.append(path)
        if len(written) == 6:
            raise OSError(28, "No space left on device", str(path))

    before = content(project)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        answer = papers("new", SLUG)
    assert answer.code == 2
    assert "cannot be written (No space left on device)" in answer.err
    assert content(project) == before
