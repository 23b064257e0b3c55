"""The CAM-entropy notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from tests.notebooks.smoke_checkout import check_in_browser, smoke_run


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), "cam_entropy")


@pytest.mark.slow
def test_the_smoke_run_trains_every_setting_and_makes_everything(smoke):
    results = smoke.results
    assert len(results["rows"]) == len([line for line in smoke.out.splitlines() if " seed " in line]) == 55
    assert {row["status"] for row in results["rows"]} == {"ok"}
    # So few steps may leave no test picture right at β = 0, and then there is no sample to show.
    assert results["absent"].keys() <= {"fig3"}
    assert {"fig1", "fig2", "dead", "better"} <= results["figures"].keys()
    assert {"table1", "settings", "better_maps", "one_for_all", "further"} <= results["tables"].keys()
    assert len(results["claims"]) > 40
    assert results["evidence"] == "synthetic data"


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / "cam_entropy.html", 2e6)
