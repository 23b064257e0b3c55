"""Numbers and outcomes in words."""

import pytest

from papers_lib.companion.wording import fill, ours_text, outcome_text, sample_text
from papers_lib.errors import UserError


def test_fields_are_filled_and_formulas_and_code_are_not():
    text = r"{a:.1f}, {c.p:.2g}, {c.low}, $\frac{a}{b}$, $$\hat{a}$$, `{a}`, {n}"
    values = {"a": -0.25, "c.p": 1.2e-9, "c.low": None, "n": 12}
    assert fill(text, values) == r"−0.2, 1.2 × 10⁻⁹, –, $\frac{a}{b}$, $$\hat{a}$$, `{a}`, 12"
    with pytest.raises(UserError, match="no value 'b'; there are a, c"):
        fill("{b}", {"c": 1, "a": 2})
    with pytest.raises(UserError, match="a does not take format"):
        fill("{a:.2f}", {"a": "text"})


def test_the_word_reproduced_is_kept_for_claims_of_the_paper_on_real_data():
    claim = {"kind": "claim", "outcome": "supported", "evidence": "real data"}
    assert outcome_text(claim) == "reproduced"
    assert outcome_text({**claim, "outcome": "opposite"}) == "contradicted"
    assert outcome_text({**claim, "kind": "observation"}) == "supported"
    assert outcome_text({**claim, "evidence": "synthetic data"}) == "supported"


def test_claims_without_estimate_interval_or_second_group():
    assert ours_text({"estimate": None}) == "–"
    assert ours_text({"estimate": -1.0, "low": None, "high": None}) == "−1"
    assert ours_text({"estimate": 0.5, "low": 0.25, "high": None}) == "0.5 [0.25, ∞)"
    assert ours_text({"estimate": 0.5, "low": None, "high": 1.0}) == "0.5 (−∞, 1]"
    assert sample_text({"n_a": 5, "n_b": None, "p": None}) == "n = 5"
    assert sample_text({"n_a": 5, "low": 0.1, "level": 0.95}) == "n = 5; 95 % interval"


def test_the_floor_is_named_for_ranks_within_a_factor_of_ten():
    for method, p, shown in (
        ("Hodges-Lehmann", 1e-3, True),
        ("Hodges-Lehmann", 1.1e-3, False),
        (None, 2e-4, False),
    ):
        text = sample_text({"n_a": 8, "n_b": 8, "p": p, "p_floor": 1e-4, "method": method})
        assert ("floor 0.0001" in text) is shown
