"""Wilson's interval: by hand, at its edges, and as the inverse of the score test."""

import pytest
from statsmodels.stats.proportion import proportions_ztest

from papers_lib.stats import proportion_p, wilson


def test_wilson_is_defined_at_the_ends():
    none, all_ = wilson(0, 10), wilson(10, 10)
    assert (none.low, all_.high) == pytest.approx((0, 1))
    assert none.high == pytest.approx(1 - all_.low) == pytest.approx(3.841459 / 13.841459)


@pytest.mark.parametrize(("k", "n"), [(3, 12), (11, 12), (0, 5)])
def test_the_score_test_ends_where_the_interval_does(k, n):
    result = wilson(k, n, 0.9)
    for end in (result.low, result.high):
        if 0 < end < 1:
            assert proportion_p(k, n, end) == pytest.approx(0.1)
    assert proportion_p(k, n, 0.4) == pytest.approx(proportions_ztest(k, n, 0.4, prop_var=0.4)[1])


@pytest.mark.parametrize(
    "call", [lambda: wilson(3, 2), lambda: wilson(0, 0), lambda: proportion_p(1, 2, 1.0)]
)
def test_slips_are_named(call):
    with pytest.raises(ValueError, match="expected"):
        call()
