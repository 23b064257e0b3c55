"""The CAM-entropy notebook, run by ``papers run --profile smoke`` in a copy of the checkout, and its page."""

import pytest
import yaml

from cam_entropy.parameters import ARMS
from papers_lib.companion.claims import load_claims
from papers_lib.companion.paths import claims_path
from tests.notebooks.smoke_checkout import check_in_browser, smoke_run

MAIN = {"none", "relu_0.3", "relu_3", "relu_100", "shifted_0.3", "shifted_3"}
SLUG = "cam_entropy"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    return smoke_run(tmp_path_factory.mktemp("checkout"), SLUG)


@pytest.mark.slow
def test_the_smoke_run_says_a_line_a_run_and_trains_every_setting(smoke):
    rows = smoke.results["rows"]
    lines = [line for line in smoke.out.splitlines() if " seed " in line]
    assert len(lines) == len(rows)
    assert {row["status"] for row in rows} == {"ok"}
    sizes = yaml.safe_load((smoke.root / "notebooks/profiles/smoke.yaml").read_text())[SLUG]
    assert {row["arm"] for row in rows} == {*ARMS}  # smoke leaves none out
    of_main = sorted((row["setting"], row["seed"]) for row in rows if row["arm"] == "main")
    assert of_main == sorted((setting, seed) for setting in MAIN for seed in range(sizes["seeds"]))
    assert {row["measure"] for row in rows} == {"ce", "ca", "cd"}
    assert {row["backbone"] for row in rows} == {"efficientnet_lite0", "efficientnet_lite2"}
    assert "time" not in rows[0]


@pytest.mark.slow
def test_the_smoke_run_makes_every_figure_and_table_and_judges_every_claim(smoke):
    results, claims = smoke.results, load_claims(claims_path(smoke.root, SLUG))
    made = results["figures"].keys() | results["tables"].keys() | results["absent"].keys()
    assert made >= {item.id for item in claims.items if item.kind in ("figure", "table")}
    # So few steps may leave no test picture right at β = 0, and then there is no sample to show.
    assert results["absent"].keys() <= {"fig3"}
    judged = [item.id for item in claims.items if item.kind in ("claim", "finding")]
    assert {claim["id"] for claim in results["claims"]} == {*judged}
    assert results["evidence"] == "stand-in"
    assert results["values"]["step_ratio_ce"] is None  # no timings are in the copy


@pytest.mark.slow
@pytest.mark.browser
def test_the_page_in_a_browser(smoke):
    check_in_browser(smoke.folder / f"{SLUG}.html", 2e6)
