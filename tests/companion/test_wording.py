"""Numbers in prose."""

import pytest

from papers_lib.companion.wording import duration_text, fill, ours_text, outcome_text, sample_text
from papers_lib.errors import UserError


def test_fields_are_filled_and_formulas_and_code_are_not():
    text = r"{a:.1f}, {c.p:.2g}, {c.low}, $\frac{a}{b}$, $$\hat{a}$$, `{a}`, {n}"
    values = {"a": -0.25, "c.p": 1.2e-9, "c.low": None, "n": 12}
    assert fill(text, values) == r"−0.2, 1.2 × 10⁻⁹, –, $\frac{a}{b}$, $$\hat{a}$$, `{a}`, 12"


def test_an_unknown_name_is_named_with_those_that_exist():
    with pytest.raises(UserError, match="no value 'b'; there are a, c"):
        fill("{b}", {"c": 1, "a": 2})


def test_a_format_that_does_not_fit():
    with pytest.raises(UserError, match="a does not take format"):
        fill("{a:.2f}", {"a": "text"})


def test_the_word_reproduced_is_kept_for_real_data():
    claim = {"kind": "claim", "outcome": "holds", "evidence": "real data"}
    assert outcome_text(claim) == "reproduced"
    assert outcome_text({**claim, "outcome": "opposite"}) == "opposite"
    assert outcome_text({**claim, "kind": "finding"}) == "holds"


def test_claims_without_estimate_or_group():
    assert ours_text({"estimate": None}) == "–"
    assert ours_text({"estimate": -1.0, "low": None, "high": None}) == "−1"
    assert ours_text({"estimate": 0.5, "low": 0.25, "high": None}) == "0.5 [0.25, ∞)"
    assert ours_text({"estimate": 0.5, "low": None, "high": 1.0}) == "0.5 (−∞, 1]"
    assert sample_text({"n_a": 5, "n_b": None, "p": None}) == "n = 5"


@pytest.mark.parametrize(
    ("method", "p", "shown"),
    [
        ("Hodges-Lehmann, exact", 2e-4, True),
        ("Hodges-Lehmann, exact", 1e-3, True),
        ("Hodges-Lehmann, exact", 1.1e-3, False),
        ("Wilson", 2e-4, False),
        ("Welch", 2e-4, False),
        ("", 2e-4, False),
    ],
)
def test_the_floor_is_named_for_ranks_within_a_factor_of_ten(method, p, shown):
    text = sample_text({"n_a": 8, "n_b": 8, "p": p, "p_floor": 1e-4, "method": method})
    assert ("floor 0.0001" in text) is shown


def test_duration_rounds_before_it_splits():
    assert duration_text(59.7) == "1 min 0 s"
