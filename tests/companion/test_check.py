"""``papers check`` catches a page that no longer is what was published."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files


@pytest.mark.parametrize(
    ("name", "edit", "line"),
    [
        ("toy.html", lambda t: t.replace("A toy", "Another toy"), "toy.html is not the one that was written"),
        (
            "toy.results.json",
            lambda t: t.replace("0.9", "0.8"),
            "toy.results.json is not the one that was written",
        ),
        ("toy.html", lambda t: t + "x" * 1_500_000, "MB; at most 1.5 MB"),
        ("toy.html", lambda t: t + '<img src="https://a.org/x.png">', "would fetch https://a.org"),
    ],
)
def test_a_tampered_page_is_caught(
    name: str, edit: Callable, line: str, made: Path, papers: Callable
) -> None:
    path = made / "reports/quick" / name
    path.write_text(edit(path.read_text()))
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert line in answer.err


def test_missing_files_are_named(made: Path, papers: Callable) -> None:
    for name in ("toy.claims.md", "index.html"):
        (made / "reports/quick" / name).unlink()
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert "papers: toy: toy.claims.md is missing\n" in answer.err
    assert "papers: reports/quick/index.html is missing\n" in answer.err
    assert "no page in reports/full; run: papers run toy --profile full" in papers("check").err


def test_rules_written_after_the_results_are_a_problem(made: Path, papers: Callable) -> None:
    path = made / "notebooks/toy/claims.yaml"
    path.write_text(path.read_text().replace("margin: 0.1", "margin: 0.01"))
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert "the claim rules changed after the results were made" in answer.err


def _elsewhere(root: Path) -> None:
    path = root / "reports/quick/toy.manifest.json"
    manifest = json.loads(path.read_text())
    manifest["components"] |= {"code": "other", "device": "cuda"}  # another device is no reason to warn
    path.write_text(json.dumps(manifest))


LATER: dict[str, tuple[Callable[[Path], object], str]] = {
    "config": (
        lambda root: files.write_text(root / "notebooks/profiles/quick.yaml", "toy: {seeds: 7}\n"),
        "config changed (seeds)",
    ),
    "recorded": (
        lambda root: files.write_json(root / "reports/full/recorded/toy.gpu.json", {}),
        "recorded results changed",
    ),
    "code": (_elsewhere, "code changed"),
}


@pytest.mark.parametrize("name", LATER)
def test_whatever_moved_since_is_a_warning(name: str, made: Path, papers: Callable) -> None:
    change, line = LATER[name]
    assert "warning" not in papers("check", "--profile", "quick").out
    change(made)
    answer = papers("check", "--profile", "quick")
    assert (answer.code, answer.err) == (0, "")
    warnings = [found for found in answer.out.splitlines() if found.startswith("warning: ")]
    assert warnings == [f"warning: toy: {line} since the page was made"]


def test_timings_that_came_later_are_caught_and_rendered(made: Path, papers: Callable) -> None:
    files.write_json(made / "reports/quick/toy.timings.json", {})
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert answer.err == "papers: toy: toy.timings.json is not in the manifest\n"
    assert "rendering again" in papers("run").out
    assert papers("check", "--profile", "quick").code == 0
    assert "up to date" in papers("run").out


@pytest.mark.parametrize("name", ["components", "files"])
def test_a_malformed_manifest_is_one_line(name: str, made: Path, papers: Callable) -> None:
    path = made / "reports/quick/toy.manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[name]
    path.write_text(json.dumps(manifest))
    answer = papers("check", "--profile", "quick")
    assert answer.code == 2
    assert answer.err == f"papers: quick/toy.manifest.json: malformed ({name}); run the page again\n"
    assert f"malformed ({name})" in papers("list").out
    assert f"would run (quick/toy.manifest.json: malformed ({name})" in papers("run", "--dry-run").out
