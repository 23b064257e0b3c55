# fmt: off
# ruff: noqa: E402, F401, I001
"""Statistics for a handful of runs a group: means and proportions, ranks, bootstrap, power. Needs scipy."""

from papers_lib.errors import needed

needed("scipy")

from papers_lib.stats.means import (
    Array, HypothesisTest, Interval, TInterval, Tost, UndefinedStatistic, bootstrap, check_level, cohens_d,
    cohens_d_from_summary, equivalence_p, holm, is_constant, paired_t, proportion_p, sample, shapiro,
    student_t, tost, welch, wilson,
)
from papers_lib.stats.ranks import (
    Correlation, EXACT_PAIRS, MannWhitney, equivalence_p_ranks, hodges_lehmann, mann_whitney,
    mann_whitney_from_u, mann_whitney_p_floor, models_per_group, prob_superior, rank_biserial,
    rank_biserial_from_u, simulated_power, spearman, spearman_statistic,
)
