"""The rows of a page's claims, and of the paper's figures and tables."""

import pytest

from papers_lib.companion.claims_types import Item
from papers_lib.companion.render_claims import claim_rows, item_rows, outcome_counts

CLAIM = {
    "id": "c",
    "kind": "claim",
    "title": "t",
    "outcome": "holds",
    "evidence": "stand-in",
    "estimate": 1.0,
    "paper_value": 0.5,
    "figure": "fig6",
}


def test_absolute_values_are_comparable_on_real_data_or_where_declared():
    def flag(claim, comparable):
        return claim_rows([claim], [], comparable)[0]["not_comparable"]

    assert flag(CLAIM, {})
    assert not flag(CLAIM, {"c": True})
    assert not flag({**CLAIM, "evidence": "real data"}, {})
    assert not flag({**CLAIM, "paper_value": None}, {})


def test_a_figure_that_the_page_lacks_is_not_linked():
    assert claim_rows([CLAIM], ["fig6"], {})[0]["figure"] == "fig6"
    assert claim_rows([CLAIM], [], {})[0]["figure"] == ""


def test_counts_keep_a_fixed_order():
    claims = [CLAIM | {"outcome": o} for o in ("not tested", "opposite", "holds", "holds")]
    assert [(c["outcome"], c["count"]) for c in outcome_counts(claims)] == [
        ("holds", 2),
        ("opposite", 1),
        ("not tested", 1),
    ]


@pytest.mark.parametrize(
    ("reason", "elsewhere"),
    [("not tested in quick", True), ("no rows with group = cce", False), ("constant", False)],
)
def test_the_published_page_is_named_only_where_the_profile_is_the_reason(reason, elsewhere):
    claim = {**CLAIM, "outcome": "not tested", "reason": reason, "rule_text": "The rule."}
    row = claim_rows([claim], ["fig6"], {})[0]
    assert row["elsewhere"] is elsewhere
    assert row["figure"] == ""


def test_a_claim_shown_by_derivation_keeps_its_link():
    claim = {**CLAIM, "outcome": "not tested", "reason": "shown by derivation", "rule_text": ""}
    assert claim_rows([claim], ["fig6"], {})[0]["figure"] == "fig6"


def test_an_absent_figure_gives_its_reason():
    row = claim_rows([CLAIM], ["fig6"], {}, absent={"fig6": "no hearts"})[0]
    assert (row["figure"], row["absent"]) == ("", "evidence not shown: no hearts")


def test_figures_and_tables_made_absent_and_elsewhere():
    items = [
        Item(name, "figure", name, "p. 1", profiles)
        for name, profiles in (
            ("a", ("quick",)),
            ("b", ("quick",)),
            ("c", ("full", "paper")),
            ("d", ("quick",)),
        )
    ]
    rows = item_rows(items, "quick", {"figures": {"a": {}}, "tables": {}, "absent": {"b": "no hearts"}})
    assert [(row["made"], row["elsewhere"], row["reason"]) for row in rows][1:] == [
        (False, False, "not shown: no hearts"),
        (False, True, "not in quick (made in full, paper)"),
        (False, False, "not made"),
    ]
    assert rows[0]["made"]
