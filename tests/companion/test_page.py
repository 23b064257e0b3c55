"""What a notebook says to its report, and what is refused."""

import json

import matplotlib as mpl
import pandas as pd
import pytest

from papers_lib.companion import paths
from papers_lib.companion.page import Page
from papers_lib.companion.wording import word
from papers_lib.errors import UserError
from tests.companion import page_fixture

mpl.use("agg")

import matplotlib.pyplot as plt


@pytest.fixture
def root(tmp_path):
    with page_fixture.checkout(tmp_path) as folder:
        yield folder
    plt.close("all")


def declared_quick(without=()):
    """A page with every figure and table that the quick profile declares, but those named."""
    page = Page("demo", profile="quick")
    page.data(name="discs", fingerprint="00", evidence=page_fixture.SYNTHETIC)
    page.rows(page_fixture.runs())
    for name in ("fig6", "maps"):
        if name not in without:
            page.figure(name, plt.figure(), caption="c", alt="d")
    if "wide" not in without:
        page.table("wide", pd.DataFrame({"a": [1]}), caption="c")
    return page


def test_results_hold_everything_and_nothing_of_the_machine(root, capsys):
    out = page_fixture.build(root)
    assert out == root / "reports" / "quick"
    assert "demo.results.json" in capsys.readouterr().out
    text = (out / "demo.results.json").read_text()
    results = json.loads(text)
    assert len(results["rows"]) == 24
    assert results["figures"]["fig6"]["file"] == "demo_files/figures/fig6.svg"
    assert (out / "demo_files" / "figures" / "maps.png").is_file()
    assert (out / "demo_files" / "tables" / "wide.csv").is_file()
    outcomes = {claim["id"]: word(claim["outcome"]) for claim in results["claims"]}
    expected = {"heart": "supported", "worse": "contradicted", "weight": "not tested"}
    assert {name: outcomes[name] for name in expected} == expected
    assert str(root) not in text
    assert "Models trained with the heatmap loss" in (out / "demo.claims.md").read_text()
    assert (page_fixture.build(root) / "demo.results.json").read_text() == text


def test_variables_of_the_runner_are_honoured(root, monkeypatch, capsys):
    monkeypatch.setenv("PAPERS_OUT", str(root / "elsewhere"))
    monkeypatch.setenv("PAPERS_PROGRESS", str(root / "progress.txt"))
    declared_quick().finish()
    assert (root / "elsewhere" / "demo.results.json").is_file()
    assert capsys.readouterr().out == ""


def test_finish_lists_every_missing_item(root):
    with pytest.raises(UserError, match="not made: figure maps, table wide"):
        declared_quick(without=("maps", "wide")).finish()
    assert not (paths.out_folder("quick") / "demo.results.json").exists()


def test_text_takes_values_and_claims(root):
    page = declared_quick()
    assert page.value("share", 0.25) == 0.25
    page.values({"n": 4})
    assert page.text("{share:.2f} {n:.0f} {heart.n_a} {heart.word}").data == "0.25 4 12 supported"
    with pytest.raises(UserError, match="no value 'heat'"):
        page.text("{heat}")
    assert "Models trained with the heatmap loss rely more on the heart" in page.claims().data


def test_a_page_has_real_data_only_if_all_its_data_sets_are_real(root):
    page = Page("demo", profile="quick")
    for name, evidence in (("a", "real data"), ("b", page_fixture.SYNTHETIC), ("c", "real data")):
        page.data(name=name, fingerprint="1", evidence=evidence)
        assert page.evidence == ("real data" if name == "a" else page_fixture.SYNTHETIC)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p: p.data(name="d", fingerprint="", evidence="real"), "evidence 'real', expected one of"),
        (lambda p: p.rows([{"a": 1}]), "page.rows: found a list"),
        (lambda p: Page("demo", profile="full"), "papers run --profile full"),
        (lambda p: Page("demo", profile="slow"), "profile 'slow': expected one of"),
        (lambda p: p.value("x y", 1.0), "page.value: 'x y'"),
        (lambda p: p.value("x", "1"), "page.value: 'x' = '1'"),
        (lambda p: p.claims(), "page.data.* was not called"),
        (lambda p: p.absent("fig7", "x"), "not declared"),
        (lambda p: p.figure("fig7", plt.figure(), caption="c", alt="d"), "not declared .* fig6, maps, scan"),
        (lambda p: p.absent("maps", " "), "reason is empty"),
        (lambda p: p.absent("heart", "a claim"), "not declared"),
        (lambda p: p.figure("maps", plt.figure(), caption="c", alt=" "), "alt is empty"),
        (lambda p: p.table("wide", pd.DataFrame(), caption=""), "caption is empty"),
        (lambda p: p.figure("6 b", plt.figure(), caption="c", alt="d", extra=True), "expected a letter"),
    ],
)
def test_bad_input_is_named(root, call, says):
    with pytest.raises(UserError, match=says):
        call(Page("demo", profile="quick"))


def test_an_absent_figure_says_why_in_its_place_and_finish_accepts_it(root):
    page = declared_quick(without=("maps",))
    lead = "<strong>Heat in the heart (Figure 6, p. 3).</strong> Dots."
    assert lead in page.figure("fig6", plt.figure(), caption="Dots.", alt="d").data
    shown = page.absent("maps", "no maps < here")
    assert 'id="maps"' in shown.data
    assert "no maps &lt; here" in shown.data
    page.finish()
    results = json.loads((paths.out_folder("quick") / "demo.results.json").read_text())
    assert results["absent"] == {"maps": "no maps < here"}


def test_a_page_without_a_run_that_died_is_refused(root):
    page = Page("demo", profile="quick")
    page.rows(pd.DataFrame({"status": ["ok", "died", "diverged"], "reason": ["", "signal 9", "loss is nan"]}))
    with pytest.raises(UserError, match=r"1 of 3 rows .*died: signal 9"):
        page.finish()
