"""MIMO: one input is the plain network, what goes to which head, shuffles, the widened convolution, log-odds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.models.mimo import Mimo, independent_shuffles, logit_of_mean, widen_first_convolution


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(outputs: int = 3, **options) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return (
            nn.Sequential(
                nn.Conv2d(2, 5, 3, **options),
                nn.BatchNorm2d(5),
                nn.ReLU(),
                nn.Conv2d(5, 4, 3),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(4, outputs),
            )
            .double()
            .eval()
        )


def images(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def test_which_channels_and_outputs_belong_to_which_image():
    class Sums(nn.Module):
        """Output m K + k is the sum of channel k of image m."""

        def forward(self, stacked: Tensor) -> Tensor:
            return stacked.sum((2, 3))

    x = images(4, 3, 2, 5, 5)
    found = Mimo(Sums(), inputs=3, classes=2)(x)
    torch.testing.assert_close(found, x.sum((3, 4)))


@pytest.mark.parametrize("inputs", [2, 3])
def test_widened_the_same_image_gives_the_same(inputs):
    network, x = small(stride=2, padding=1), images(4, 2, 9, 9)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    wide = widen_first_convolution(network, inputs)
    assert wide[0].weight.shape == (5, 2 * inputs, 3, 3)
    assert wide[0].in_channels == 2 * inputs
    torch.testing.assert_close(wide(x.repeat(1, inputs, 1, 1)), network(x))
    different = torch.cat([images(4, 2, 9, 9, seed=s) for s in range(inputs)], 1)
    mean = different.unflatten(1, (inputs, 2)).mean(1)
    torch.testing.assert_close(wide(different), network(mean))  # the first layer is linear
    # a copy: training it leaves the network alone
    nn.init.zeros_(wide[3].weight)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())
    assert not wide.training
    assert wide.train().training
    assert not network.training


@settings(deadline=None, max_examples=30)
@given(
    size=st.integers(1, 9), inputs=st.integers(1, 4), repetition=st.integers(1, 4), seed=st.integers(0, 2**31)
)
def test_every_image_is_in_every_column_as_often(size, inputs, repetition, seed):
    batch = 10 * torch.arange(size) + 3
    table = independent_shuffles(batch, inputs, repetition, generator=seeded(seed))
    assert table.shape == (size * repetition, inputs)
    for column in table.T:
        assert column.sort().values.tolist() == batch.repeat_interleave(repetition).tolist()
    assert torch.equal(table, independent_shuffles(batch, inputs, repetition, generator=seeded(seed)))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**31), heads=st.integers(1, 4), scale=st.floats(0.1, 8))
def test_logit_of_mean_against_the_definition(seed, heads, scale):
    z = scale * torch.randn(5, heads, 3, generator=seeded(seed), dtype=torch.float64)
    expected = z.sigmoid().mean(1).logit()
    torch.testing.assert_close(logit_of_mean(z), expected, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(logit_of_mean(-z), -logit_of_mean(z))
    torch.testing.assert_close(logit_of_mean(z.flip(1)), logit_of_mean(z))
