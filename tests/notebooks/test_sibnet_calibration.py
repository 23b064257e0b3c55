"""The Sibnet notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from papers_lib.companion.claims import load_claims
from papers_lib.companion.paths import claims_path
from sibnet_calibration.calibration import CALIBRATORS, ELSEWHERE
from tests.notebooks.sibnet_calibration.runs import parameters
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

SLUG = "sibnet_calibration"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_trains_and_calibrates_everything_and_judges_every_claim(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    rows = results["rows"]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["arm"] for row in rows} == {*parameters("smoke").arms}
    assert {row["calibrator"] for row in rows} == {*CALIBRATORS, *ELSEWHERE}
    made = results["figures"].keys() | results["tables"].keys() | results["absent"].keys()
    assert made >= {item.id for item in claims.items if item.kind in ("figure", "table")}
    assert results["absent"].keys() <= {"fig43", "fig44"}  # one rate each has nothing beside it
    judged = {item.id for item in claims.items if item.kind in ("claim", "observation")}
    assert {claim["id"] for claim in results["claims"]} == judged
    assert 0.5 < results["values"]["oracle_auroc"] < 1


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
