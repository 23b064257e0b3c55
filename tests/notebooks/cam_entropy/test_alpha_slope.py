import pytest
from torch import nn

from cam_entropy.alpha_slope import alpha_slope


@pytest.mark.parametrize("seed", [0, 1])
def test_alpha_does_not_move_with_the_activations_under_relu(seed):
    assert alpha_slope(seed) <= 1e-9


def test_a_smooth_activation_has_a_slope_that_the_differences_see():
    smooth = alpha_slope(activation=nn.GELU)
    assert smooth > 1e-6
    # central differences: the slope is a property of the head and not of the step
    assert alpha_slope(activation=nn.GELU, step=1e-4) == pytest.approx(smooth, rel=1e-3)


def test_a_linear_head_has_constant_weights():
    assert alpha_slope(activation=nn.Identity) == 0.0
