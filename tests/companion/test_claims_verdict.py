"""The verdict: sentences filled from results, and what stands for those that cannot be."""

from dataclasses import replace

import pytest

from papers_lib.companion.claims import ClaimResult, ClaimsFile, verdict
from papers_lib.companion.claims_types import Item
from papers_lib.errors import UserError

RESULT = ClaimResult(
    id="heart", kind="claim", title="More | heat\nin the heart.", printed="Section 2, p. 2", paper_text="p ≈ 1e-9",
    paper_value=1e-9, estimate=-0.4125, low=-0.5, high=-0.3, level=0.95, p=1.2e-9, p_holm=2.4e-9, p_floor=1e-10,
    n_a=25, n_b=23, method="Hodges-Lehmann, exact", direction="less", margin=0.05, outcome="holds",
    evidence="stand-in", reason="1 of 49 runs left out: 1 diverged", figure="fig6", rule_text="The rule.",
)  # fmt: skip
ABSENT = replace(
    RESULT, id="label", estimate=None, low=None, high=None, level=None, p=None, p_holm=None, p_floor=None,
    n_a=None, n_b=None, outcome="not tested", reason="not tested in quick",
)  # fmt: skip


def claims(*sentences):
    items = tuple(Item(name, "claim", "T", "p. 1", ("quick",), untestable="x") for name in ("heart", "label"))
    return ClaimsFile("demo.yaml", "demo", "T", "A", 2022, "V", (), "@misc{d}", "S", sentences, items)


def test_the_verdict():
    sentences = (
        "Heat moves by {heart.estimate:+.2f} ({heart.low:.1f} to {heart.high:.1f}), p {heart.p:.2g}: {heart.outcome}.",
        "{heart.n_a} models, {heart.word}.",
    )
    assert verdict(claims(*sentences), [RESULT, ABSENT]) == [
        "Heat moves by −0.41 (−0.5 to −0.3), p 1.2 × 10⁻⁹: holds.",
        "25 models, holds.",
    ]


def test_a_sentence_about_what_was_not_tested_gives_way_as_a_whole():
    sentences = ("Heat by {heart.estimate:.2f}; label: {label.word}.", "Heat by {heart.estimate:.2f}.")
    assert verdict(claims(*sentences), [RESULT, replace(ABSENT, title="Less heat on the label.")]) == [
        "Not decided on this page: “Less heat on the label” (not tested in quick).",
        "Heat by −0.41.",
    ]


def test_a_sentence_whose_number_is_missing_gives_way_too():
    wide = replace(
        RESULT, low=None, high=None, outcome="inconclusive", reason="groups of 3 and 3 are too small"
    )
    rows = replace(ABSENT, title=f"{'many words ' * 9}.", reason="no rows with group = heatmap or cce")
    low, word = claims("Heat from {heart.low:.2f}, {label.p:.2g}."), claims("Heat: {heart.word}.")
    assert verdict(low, [wide, rows]) == [
        "Not decided on this page: “More | heat in the heart” (groups of 3 and 3 are too small); "
        "“many words many words many words many words many words many words many …” (no rows)."
    ]
    assert verdict(word, [wide, rows]) == ["Heat: inconclusive."]


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("{heart.mean}", "demo.yaml: verdict: sentence 1: found {heart.mean}, expected a field"),
        (
            "{lung.p}",
            "demo.yaml: verdict: sentence 1: found {lung.p}, expected a claim or finding: heart, label",
        ),
        ("{heart.p:.2q}", "demo.yaml: verdict: sentence 1: "),
        ("{label.p}", "demo.yaml: verdict: sentence 1: no result for claim 'label', expected one of heart"),
    ],
)
def test_a_sentence_that_cannot_be_filled(sentence, says):
    with pytest.raises(UserError) as raised:
        verdict(claims(sentence), [RESULT])
    assert str(raised.value).startswith(says)
