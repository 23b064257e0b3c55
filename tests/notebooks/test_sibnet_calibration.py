"""The Sibnet notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from papers_lib.companion.claims import load_claims
from papers_lib.companion.paths import claims_path
from sibnet_calibration.arms import ARMS
from sibnet_calibration.frame import CALIBRATORS, ELSEWHERE
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

SLUG = "sibnet_calibration"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_trains_every_arm_and_calibrates_every_model(smoke):
    rows = smoke.results["rows"]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["arm"] for row in rows} == {*ARMS}
    assert {row["calibrator"] for row in rows} == {*CALIBRATORS, *ELSEWHERE}
    assert {row["setting"] for row in rows} >= {
        "bce",
        "focal",
        "auc_adam",
        "auc_pesg",
        "cd_sc_two_stage",
        "mimo_2",
    }
    assert "time" not in rows[0]


@pytest.mark.slow
def test_the_smoke_run_makes_every_figure_and_table_and_judges_every_claim(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    made = results["figures"].keys() | results["tables"].keys() | results["absent"].keys()
    assert made >= {item.id for item in claims.items if item.kind in ("figure", "table")}
    assert results["absent"].keys() <= {"fig43", "fig44"}  # one rate each has nothing beside it
    judged = [item.id for item in claims.items if item.kind in ("claim", "finding")]
    assert {claim["id"] for claim in results["claims"]} == {*judged}
    assert results["evidence"] == "stand-in"
    assert 0.5 < results["values"]["oracle_auroc"] < 1
    assert results["values"]["step_ratio_exact"] is None  # no timings are in the copy


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
