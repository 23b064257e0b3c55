"""Sample sizes and power: Noether's formula by hand, and its promise kept in simulation."""

import numpy as np
import pytest

from papers_lib.stats import models_per_group, simulated_power


@pytest.mark.parametrize(
    ("prob", "power", "models"),
    [
        (0.7, 0.8, 33),  # (1.95996 + .84162)² / (6 · .04) = 32.7
        (0.7, 0.9, 44),  # (1.95996 + 1.28155)² / (6 · .04) = 43.8
        (0.3, 0.8, 33),  # the same difference the other way round
        (1.0, 0.2, 4),  # (1.95996 - .84162)² / 1.5 = .8, but fewer than 4 never reach p <= .05
    ],
)
def test_noether_by_hand(prob, power, models):
    assert models_per_group(prob, power) == models


def test_simulation_keeps_noethers_promise():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.7416, 1, 4000), rng.normal(0, 1, 4000)  # P(x > y) = Φ(.7416/√2) = .70
    n = models_per_group(0.7, power=0.8)
    result = simulated_power(x, y, n, n, rng=np.random.default_rng(1))
    assert result.estimate == pytest.approx(0.8, abs=0.04)
    assert result.low < result.estimate < result.high
