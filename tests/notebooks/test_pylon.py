"""The PYLON notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from papers_lib.companion.claims import load_claims
from papers_lib.companion.paths import claims_path
from pylon.arms import MAIN, OTHERS, PARTS, POOLS_AND_NORMS
from pylon.measures import CAMS
from pylon.parameters import ARMS
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

SLUG = "pylon"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_trains_every_method_of_every_arm(smoke):
    rows = smoke.results["rows"]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["arm"] for row in rows} == {*ARMS, "source"}
    assert {row["method"] for row in rows} == {*MAIN, *OTHERS, *PARTS, *POOLS_AND_NORMS, *CAMS}
    phases = {row["training"] for row in rows if row["arm"] == "transfer" and row["method"] == "pylon"}
    assert len(phases) == 4  # without transfer, with it, and two phases with statistics frozen and moving
    assert "time" not in rows[0]


@pytest.mark.slow
def test_the_smoke_run_makes_every_figure_and_table_and_judges_every_claim(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    made = results["figures"].keys() | results["tables"].keys() | results["absent"].keys()
    assert made >= {item.id for item in claims.items if item.kind in ("figure", "table")}
    # No cross-validation was asked for; so few scenes may hold no two objects of one class.
    assert results["absent"].keys() <= {"folds", "fig6"}
    judged = [item.id for item in claims.items if item.kind in ("claim", "finding")]
    assert {claim["id"] for claim in results["claims"]} == {*judged}
    assert results["evidence"] == "stand-in"
    assert results["values"]["gradcam_points_apart"] == 0
    assert results["values"]["step_ratio_pylon"] is None  # no timings are in the copy


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
