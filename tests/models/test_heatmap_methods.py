"""Every method through the same tests: shapes, seeds, start, gradients, half precision."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from papers_lib.errors import UserError
from papers_lib.models.heatmap_methods import METHODS, decoder
from tests.heatmap_decoders import CLASSES, SMALL, features, seeded

EVERY = pytest.mark.parametrize("method", METHODS)


def make(method: str, seed: int = 0, **options: object) -> nn.Module:
    return decoder(method, SMALL, CLASSES, generator=seeded(seed), width=32, **options)


def given(method: str, side: int = 64, batch: int = 3) -> list[Tensor]:
    return features(side=side, strides=(4, 8, 16, METHODS[method].output_stride), batch=batch)


@EVERY
def test_shapes_are_those_of_the_table(method):
    side, row, made = 160, METHODS[method], make(method)
    logits, maps = made(given(method, side))
    assert logits.shape == (3, CLASSES)
    assert isinstance(made.head, nn.Module)
    if maps is None:
        assert (row.kind, row.stride, row.cells) == ("conventional", 0, 0)
        return
    assert maps.shape == (3, CLASSES, *[round(side / row.stride_at(side))] * 2)
    if row.cells:
        assert made.stride is None
        assert (logits < maps.sigmoid().flatten(2).sum(-1).log()).all()  # P < .02 sum p, far from certainty
    else:
        assert made.stride == row.stride
        assert torch.equal(logits, maps.amax((2, 3)))


@EVERY
def test_the_generator_decides_and_torchs_own_is_left_alone(method):
    before = torch.get_rng_state()
    one, same, other = make(method), make(method), make(method, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    states = [made.state_dict() for made in (one, same, other)]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    weights = [name for name, tensor in states[0].items() if name.endswith("weight") and tensor.ndim == 4]
    assert weights
    assert not any(torch.equal(states[0][name], states[2][name]) for name in weights)


@EVERY
def test_every_parameter_learns_and_features_stay_as_they_are(method):
    made = make(method)
    maps = [feature.requires_grad_() for feature in given(method, side=96)]
    before = copy.deepcopy([feature.detach() for feature in maps])
    with torch.random.fork_rng():  # dropout
        torch.manual_seed(0)
        found = made(maps)
    loss = F.binary_cross_entropy_with_logits(found.logits, torch.eye(3))
    loss.backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert made.head.weight.grad.abs().max() > 0
    assert maps[-1].grad.abs().max() > 0
    assert all(torch.equal(feature, old) for feature, old in zip(maps, before, strict=True))


@EVERY
def test_starts_near_the_prevalence(method):
    """The loss starts near the entropy of the prevalence, for every method; untouched it may start anywhere."""
    made = make(method)
    prevalence = torch.tensor([0.02, 0.1, 0.4])
    made.start_at_prevalence(prevalence)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = made(given(method, side=160, batch=8))
    expected = prevalence.expand(8, -1)
    loss = F.binary_cross_entropy_with_logits(found.logits, expected)
    entropy = F.binary_cross_entropy(expected, expected)
    assert loss - entropy < 0.05
    assert ((found.logits - expected.logit()).mean(0).abs() < 0.9).all()


def test_errors():
    with pytest.raises(UserError, match=r"method: 'pilon' does not exist; expected for instance .*pylon"):
        make("pilon")
    with pytest.raises(UserError, match="width: expected a multiple of 32, got 40"):
        decoder("pylon", SMALL, 2, generator=seeded(), width=40)
