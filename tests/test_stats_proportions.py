"""Wilson's interval: by hand, at its edges, and as the inverse of the score test."""

import pytest
from statsmodels.stats.proportion import proportions_ztest

from papers_lib.stats import proportion_p, wilson


@pytest.mark.parametrize(("k", "n"), [(3, 12), (11, 12), (0, 5)])
def test_the_score_test_ends_where_the_interval_does(k, n):
    result = wilson(k, n, 0.9)
    for end in (result.low, result.high):
        if 0 < end < 1:
            assert proportion_p(k, n, end) == pytest.approx(0.1)
    assert proportion_p(k, n, 0.4) == pytest.approx(proportions_ztest(k, n, 0.4, prop_var=0.4)[1])
