"""The heatmap-loss notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from tests.notebooks.smoke_checkout import check_in_browser, smoke_run


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), "heatmap_loss")


@pytest.mark.slow
def test_the_smoke_run_says_a_line_a_run_and_makes_everything(smoke):
    results = smoke.results
    lines = [line for line in smoke.out.splitlines() if "exp 2" in line]
    assert len(lines) == len(results["rows"]) == 3 * 3 + 2 * 3 + 2 * 3 + 14
    arms = {"main", "authors", "pretrained", "frozen", "weight", "mask", "method", "target"}
    assert {row["arm"] for row in results["rows"]} == arms
    assert results["absent"].keys() == {"fig6"}  # smoke trains experiment 2 only
    assert {"fig1", "fig2", "fig3", "fig4", "fig5", "fig7"} <= results["figures"].keys()
    assert {"mann_whitney", "exclusions", "choices"} <= results["tables"].keys()


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / "heatmap_loss.html", 1.5e6)
