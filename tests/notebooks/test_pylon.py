"""The PYLON notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from papers_lib.companion.claims import load_claims
from papers_lib.companion.paths import claims_path
from pylon.grid import plan
from pylon.measures import CAMS
from tests.notebooks.pylon.test_grid import chosen
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

SLUG = "pylon"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_trains_the_plan_and_makes_every_item_of_the_page(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    rows = results["rows"]
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["method"] for row in rows} >= {*CAMS}
    trained = [(row["arm"], row["method"], row["training"]) for row in rows if row["method"] not in CAMS]
    configs = [config for part in plan(chosen("smoke")) for config in part.configs]
    assert trained == [(config.arm, config.method, config.training()) for config in configs]
    # No cross-validation was asked for; so few scenes may hold no two objects of one class.
    assert results["absent"].keys() <= {"folds", "fig6"}
    judged = {item.id for item in claims.items if item.kind in ("claim", "observation")}
    assert {claim["id"] for claim in results["claims"]} == judged
    assert results["values"]["gradcam_points_apart"] == 0


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
