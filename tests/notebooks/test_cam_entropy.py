"""The CAM-entropy notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest

from cam_entropy.grid import configs_of
from papers_lib.companion.claims import load_claims
from papers_lib.companion.parameters import resolve
from papers_lib.companion.paths import claims_path
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

SLUG = "cam_entropy"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_trains_every_setting_makes_everything_and_judges_every_claim(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    planned = configs_of(resolve(smoke.root, SLUG, "smoke"))
    assert [(row["arm"], row["setting"], row["seed"], row["status"]) for row in results["rows"]] == [
        (run.arm, run.setting(), run.seed, "ok") for run in planned
    ]
    assert len([line for line in smoke.out.splitlines() if " seed " in line]) == len(planned)
    made = results["figures"].keys() | results["tables"].keys() | results["absent"].keys()
    assert made >= {item.id for item in claims.items if item.kind in ("figure", "table")}
    # So few steps may leave no test picture right at β = 0, and then there is no sample to show.
    assert results["absent"].keys() <= {"fig3"}
    judged = {item.id for item in claims.items if item.kind in ("claim", "finding")}
    assert {claim["id"] for claim in results["claims"]} == judged
    assert results["evidence"] == "stand-in"


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
