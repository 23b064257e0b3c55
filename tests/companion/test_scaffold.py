"""``papers new``: a paper that runs at once, made whole or not at all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from papers_lib.companion import scaffold
from papers_lib.companion.claims import load_claims

ROOT = Path(__file__).resolve().parents[2]
SLUG = "z_paper2"


def content(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def fifth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages and profiles with a new paper, whose smoke page has been made."""
    root = tmp_path_factory.mktemp("fifth")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copytree(ROOT / "notebooks/profiles", root / "notebooks/profiles")
    for name in ("papers_lib", "data_gen"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAPERS_")}
    environment["PYTHONPATH"] = str(root)
    for words in (["new", SLUG, "--title", 'A "title": 5 %'], ["run", SLUG, "--profile", "smoke"]):
        command = [sys.executable, "-m", "papers_lib.companion.cli", *words]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1000:]
    return root


@pytest.mark.slow
def test_the_smoke_profile_runs_at_once(fifth: Path) -> None:
    results = json.loads((fifth / f"reports/smoke/{SLUG}.results.json").read_text())
    assert [row["status"] for row in results["rows"]] == ["ok"] * 6
    assert {"fig1"} == results["figures"].keys()
    assert [claim["outcome"] for claim in results["claims"]] != ["not tested"]
    assert "A &#34;title&#34;: 5 %" in (fifth / f"reports/smoke/{SLUG}.html").read_text()


@pytest.mark.slow
def test_its_code_passes_the_linter_and_its_tests(fifth: Path) -> None:
    made = [fifth / path.format(slug=SLUG) for path in scaffold.FILES]
    code = [str(path) for path in made if path.suffix in (".py", ".ipynb")]
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache", *code]
        done = subprocess.run(command, cwd=fifth, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    environment = {**os.environ, "PYTHONPATH": str(fifth)}
    done = subprocess.run(command, cwd=fifth, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_profiles_keep_what_they_had(project: Path, papers: Callable) -> None:
    before = yaml.safe_load((project / "notebooks/profiles/full.yaml").read_text())
    answer = papers("new", SLUG, "--title", "𝒜 <b> & é")
    assert answer.code == 0
    assert answer.out.count("made ") == len(scaffold.FILES)
    after = yaml.safe_load((project / "notebooks/profiles/full.yaml").read_text())
    assert after == {**before, SLUG: {"seeds": 20, "train_images": 1000, "test_images": 1000}}
    assert load_claims(project / f"notebooks/claims/{SLUG}.yaml").title == "𝒜 <b> & é"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["Toy"], "slug 'Toy': expected lower-case words"),
        (["class"], "slug 'class': expected lower-case words"),
        (["../up"], "slug '../up': expected lower-case words"),
        (["index"], "slug index: index, gpu and gpu_… have a meaning of their own"),
        (["gpu_maps"], "slug gpu_maps: index, gpu"),
        (["a" * 25], "has 25 characters, expected at most 24"),
        (["toy"], "exists; choose another slug"),
        ([SLUG, "--title", "two\nlines"], "expected one line of text"),
        ([SLUG, "--url", "nowhere"], "--url 'nowhere': expected an address that starts with https://"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    arguments: list[str], line: str, project: Path, papers: Callable
) -> None:
    before = content(project)
    answer = papers("new", *arguments)
    assert answer.code == 2
    assert line in answer.err
    assert answer.err.count("\n") == 1
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
    monkeypatch.setattr(Path, "write_text", full)
    answer = papers("new", SLUG)
    monkeypatch.undo()
    assert answer.code == 2
    assert "cannot be written (No space left on device)" in answer.err
    assert content(project) == before
