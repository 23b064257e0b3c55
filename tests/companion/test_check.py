"""``papers check`` catches a page that no longer is what was published."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from papers_lib import files
from papers_lib.companion import check


def test_sound_page_passes(made: Path, papers: Callable) -> None:
    answer = papers("check", "--profile", "quick")
    assert (answer.code, answer.err) == (0, "")


@pytest.mark.parametrize(
    ("name", "edit", "line"),
    [
        (
            "toy.html",
            lambda t: t.replace("A toy", "Another toy"),
            "toy.html is not the file that was published",
        ),
        (
            "toy.results.json",
            lambda t: t.replace("0.9", "0.8"),
            "toy.results.json is not the file that was published",
        ),
        ("toy.html", lambda t: t + "x" * 1_500_000, "MB; at most 1.5 MB"),
        (
            "toy.html",
            lambda t: t + '<img src="https://a.org/x.png">',
            "toy.html fetches: <img src=https://a.org",
        ),
    ],
)
def test_tampered_page_is_caught(name: str, edit: Callable, line: str, made: Path, papers: Callable) -> None:
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
    assert answer.err.splitlines() == [
        "papers: toy: toy.claims.md is missing",
        "papers: reports/quick/index.html is missing",
    ]
    assert "no page in reports/full; run: papers run toy --profile full" in papers("check").err


def test_rules_written_after_the_results_are_a_problem(made: Path, papers: Callable) -> None:
    path = made / "notebooks/claims/toy.yaml"
    path.write_text(path.read_text().replace("margin: 0.1", "margin: 0.01"))
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert "the claim rules changed after the results were made" in answer.err


def test_changed_code_is_a_warning(made: Path, papers: Callable) -> None:
    path = made / "reports/quick/toy.manifest.json"
    manifest = json.loads(path.read_text())
    manifest["components"]["code"]["papers_lib.companion.page"] = "other"
    path.write_text(json.dumps(manifest))
    answer = papers("check", "--profile", "quick")
    assert answer.code == 0
    assert "warning: toy: code changed: papers_lib.companion.page since the page was made" in answer.out


def _older_numpy(root: Path) -> None:
    path = root / "reports/quick/toy.manifest.json"
    manifest = json.loads(path.read_text())
    manifest["components"]["libraries"]["numpy"] = "1.0"
    manifest["components"]["device"] = "cuda"  # of another machine: no reason to warn
    path.write_text(json.dumps(manifest))


def _append(root: Path, name: str, text: str) -> None:
    with (root / name).open("a") as file:
        file.write(text)


LATER: dict[str, tuple[Callable[[Path], object], str]] = {
    "profile": (
        lambda root: (root / "notebooks/profiles/quick.yaml").write_text("toy: {seeds: 7}\n"),
        "parameter seeds 5 → 7",
    ),
    "claims": (lambda root: _append(root, "notebooks/claims/toy.yaml", "# more\n"), "claims file changed"),
    "recorded": (
        lambda root: files.write_json(root / "reports/full/recorded/toy.gpu.json", {}),
        "recorded results changed",
    ),
    "library": (_older_numpy, "library numpy 1.0 → "),
}


@pytest.mark.parametrize("name", LATER)
def test_whatever_moved_since_is_a_warning(name: str, made: Path, papers: Callable) -> None:
    change, line = LATER[name]
    assert "warning" not in papers("check", "--profile", "quick").out
    change(made)
    answer = papers("check", "--profile", "quick")
    assert answer.code == 0
    warnings = [found for found in answer.out.splitlines() if found.startswith("warning: ")]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: toy: {line}")
    assert warnings[0].endswith(" since the page was made")


def test_timings_that_came_later_are_caught_and_rendered(made: Path, papers: Callable) -> None:
    files.write_json(made / "reports/quick/toy.timings.json", {})
    answer = papers("check", "--profile", "quick")
    assert answer.code == 1
    assert answer.err == "papers: toy: toy.timings.json is not in the manifest\n"
    assert "would render the page again (timings are new: render again)" in papers("run", "--dry-run").out
    assert "rendering again" in papers("run").out
    assert papers("check", "--profile", "quick").code == 0
    assert "up to date" in papers("run").out


@pytest.mark.parametrize("name", ["components", "renderer", "command", "files"])
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


@pytest.mark.parametrize(
    "html",
    [
        '<script src="//cdn.org/x.js"></script>',
        '<link rel="stylesheet" href="http://a.org/x.css">',
        '<img srcset="x.png 2x">',
        "<iframe src='https://a.org'></iframe>",
        '<object data="a.pdf"></object>',
        '<svg><image xlink:href="https://a.org/x.png"/></svg>',
        '<style>body{background:url("https://a.org/x.png")}</style>',
        "<style>@import 'https://a.org/x.css';</style>",
        '<p style="background:url(x.png)">',
        "<script>fetch('https://a.org/x')</script>",
        '<meta http-equiv="refresh" content="0; url=https://a.org">',
        '<base href="https://a.org">',
    ],
)
def test_whatever_a_browser_would_fetch(html: str) -> None:
    assert len(check.requests_of(html)) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://a.org">link</a>',
        '<img src="data:image/png;base64,AA==">',
        '<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/></svg>',
        '<style>a{fill:url(#g);background:url("data:image/png;base64,AA")}</style>',
        "<pre>fetch('https://a.org/x')</pre>",
        '<meta name="viewport" content="width=device-width">',
        "<script>const space = 'http://www.w3.org/2000/svg'; open('#top')</script>",
    ],
)
def test_what_it_would_not(html: str) -> None:
    assert check.requests_of(html) == []
