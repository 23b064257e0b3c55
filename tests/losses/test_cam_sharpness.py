"""The sharpness term: hand-worked values, the other classes, degenerate maps, bad input."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papers_lib.losses.cam_sharpness import cam_sharpness_loss
from papers_lib.metrics.sharpness import MEASURES, dead_maps

FORMS = ["relu", "shifted"]

HOT = [[4.0, 4.0], [0.0, -1.0]]  # ce = ln 2, cd = 1
FLAT = [[1.0, 1.0], [1.0, 1.0]]  # ce = ln 4, cd = 0
COLD = [[-1.0, -2.0], [0.0, 0.0]]  # dead


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("measure", "terms"),
    [
        ("ce", [math.log(2), math.log(4), 0]),
        ("ce_norm", [0.5, 1, 0]),
        ("ca", [0, 1 / 4, 0]),
        ("cd", [-1, 0, 0]),
        ("cv", [-1, 0, 0]),
    ],
)
def test_hand_worked_values_and_reductions(measure, terms):
    maps = torch.tensor([HOT, FLAT, COLD])
    found = cam_sharpness_loss(maps, measure=measure, reduction="none")
    assert found.loss.tolist() == pytest.approx(terms)
    assert cam_sharpness_loss(maps, measure=measure, reduction="sum").loss.item() == pytest.approx(sum(terms))
    mean = cam_sharpness_loss(maps, measure=measure)
    assert mean.loss.item() == pytest.approx(sum(terms) / 3)  # the dead map is one of the three
    assert mean.dead_share.item() == found.dead_share.item() == pytest.approx(1 / 3)
    assert mean.loss.shape == mean.dead_share.shape == ()


def test_hand_worked_values_with_the_other_classes():
    maps = torch.tensor([[HOT, FLAT, COLD], [HOT, FLAT, FLAT], [COLD, HOT, HOT], [HOT, COLD, COLD]])
    target, ln2 = torch.tensor([0, 1, 0, 0]), math.log(2)
    found = cam_sharpness_loss(maps, target, others=0.5, reduction="none")
    assert found.loss.tolist() == pytest.approx(
        [
            ln2 - 0.5 * 2 * ln2,  # of the other two only FLAT lives
            2 * ln2 - 0.5 * (ln2 + 2 * ln2) / 2,
            0 - 0.5 * ln2,  # the true class's map is dead, the others' are not
            ln2,  # no other map lives
        ]
    )
    assert found.dead_share.item() == 0.25
    found = cam_sharpness_loss(maps, target, measure="cd", others=2.0, reduction="none")
    assert found.loss.tolist() == pytest.approx([-1, 2 * 1 / 2, 2, -1])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("form", FORMS)
def test_gradcheck_with_the_other_classes(form, measure):
    maps = random_maps(3, 3, 4, 3, 3)
    maps[0, 0], maps[1, 2] = -maps[0, 0].abs(), 1.0  # dead: relu, true class; shifted, another class
    maps.requires_grad_()
    target = torch.tensor([0, 1, 3])

    def loss(raw: Tensor) -> Tensor:
        return cam_sharpness_loss(raw, target, measure=measure, form=form, others=0.7).loss

    if form == "relu":
        assert torch.autograd.gradcheck(loss, (maps,))
    else:  # a constant map is a corner: leave it out of the differences, and look at its gradient
        live = maps.detach().clone()
        live[1, 2] = random_maps(9, 3, 3)
        assert torch.autograd.gradcheck(loss, (live.requires_grad_(),))
    loss(maps).backward()
    dead = dead_maps(maps, form)
    assert dead.sum() == 1
    assert (maps.grad[dead] == 0).all()
    assert (maps.grad[~dead].abs().amax((-2, -1)) > 0)[0].all()


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(FORMS),
    measure=st.sampled_from(sorted(MEASURES)),
    others=st.sampled_from([0.0, 0.4]),
    scale=st.floats(1e-6, 1e6),
)
def test_properties(seed, form, measure, others, scale):
    maps = random_maps(seed, 5, 3, 3, 4)
    target = torch.randint(3, (5,), generator=torch.Generator().manual_seed(seed))

    def terms(raw: Tensor, classes: Tensor) -> Tensor:
        found = cam_sharpness_loss(raw, classes, measure=measure, form=form, others=others, reduction="none")
        return found.loss

    found = terms(maps, target)
    torch.testing.assert_close(terms(maps * scale, target), found)
    singles = [terms(maps[i : i + 1], target[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(torch.cat(singles), found)
    torch.testing.assert_close(terms(maps.roll(1, 1), (target + 1) % 3), found)  # classes renumbered
    if others == 0:
        alone = cam_sharpness_loss(maps[range(5), target], measure=measure, form=form, reduction="none")
        assert torch.equal(alone.loss, found)


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("measure", MEASURES)
def test_degenerate_maps_leave_loss_and_gradient_finite(measure, form, dtype):
    one = torch.zeros(3, 3)
    one[1, 1] = 5
    kinds = [torch.zeros(3, 3), -torch.ones(3, 3), torch.ones(3, 3), torch.eye(3), one, -one, 1e4 * one]
    maps = torch.stack([torch.stack([kind, kinds[0], kinds[3]]) for kind in kinds]).to(dtype).requires_grad_()
    with torch.autograd.detect_anomaly(check_nan=True):
        found = cam_sharpness_loss(
            maps, torch.zeros(7, dtype=torch.int64), measure=measure, form=form, others=1.0
        )
        found.loss.backward()
    assert found.loss.isfinite()
    assert maps.grad.isfinite().all()
    dead = dead_maps(maps, form)
    assert (maps.grad[dead] == 0).all()
    assert found.dead_share.item() == dead[:, 0].float().mean().item()


def test_a_nan_map_is_not_silently_dead():
    maps = torch.tensor([[HOT, FLAT], [HOT, FLAT]])
    maps[0, 0, 0, 0] = torch.nan
    target = torch.tensor([0, 0])
    for measure in MEASURES:
        found = cam_sharpness_loss(maps, target, measure=measure, others=0.5, reduction="none")
        assert found.loss.isnan().tolist() == [True, False]
        assert found.dead_share == 0
        found = cam_sharpness_loss(maps, 1 - target, measure=measure, others=0.5, reduction="none")
        assert found.loss.isnan().tolist() == [True, False]
        found = cam_sharpness_loss(maps, 1 - target, measure=measure, reduction="none")
        assert not found.loss.isnan().any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_the_loss_is_single_precision_unless_the_maps_are_double(dtype):
    maps, target = random_maps(1, 2, 3, 4, 4).to(dtype), torch.tensor([0, 2], dtype=torch.int32)
    loss = cam_sharpness_loss(maps, target, others=0.5).loss
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert loss.item() == pytest.approx(
        cam_sharpness_loss(maps.double(), target, others=0.5).loss.item(), rel=1e-5
    )


def test_the_maps_are_left_as_they_are():
    maps = random_maps(0, 2, 3, 4, 4)
    before = maps.clone()
    for form in FORMS:
        cam_sharpness_loss(maps, torch.tensor([0, 2]), form=form, others=0.5)
    assert torch.equal(maps, before)


ALL, TRUE, CLASSES = torch.ones(2, 3, 4, 4), torch.ones(2, 4, 4), torch.tensor([0, 2])


@pytest.mark.parametrize(
    ("maps", "target", "options", "line"),
    [
        (TRUE[0], None, {}, r"maps: expected \(B, H, W\) or \(B, K, H, W\), not empty, got \(4, 4\)"),
        (TRUE[:0], None, {}, r"not empty, got \(0, 4, 4\)"),
        (ALL, None, {}, r"target: expected class indices \(B,\) .* \(2, 3, 4, 4\), got None"),
        (TRUE, CLASSES, {}, r"target: expected None with maps of the true class \(2, 4, 4\)"),
        (ALL, CLASSES[:1], {}, r"target: expected class indices \(B,\) = \(2,\), got \(1,\) of torch.int64"),
        (ALL, CLASSES.float(), {}, r"got \(2,\) of torch.float32"),
        (ALL, CLASSES.bool(), {}, r"got \(2,\) of torch.bool"),
        (ALL, CLASSES + 1, {}, r"target: expected class indices in 0..2, got \[1, 3\]"),
        (ALL, CLASSES - 1, {}, r"target: expected class indices in 0..2, got \[-1, 1\]"),
        (
            TRUE,
            None,
            {"others": 0.5},
            r"others: 0.5 needs maps of all classes \(B, K, H, W\), got \(2, 4, 4\)",
        ),
        (ALL[:, :1], CLASSES * 0, {"others": 0.5}, "others: 0.5 needs two classes or more"),
        (ALL, CLASSES, {"others": -1.0}, "others: expected a finite weight of at least 0, got -1.0"),
        (ALL, CLASSES, {"others": math.nan}, "others: expected a finite weight of at least 0, got nan"),
        (TRUE, None, {"measure": "area"}, "measure: expected one of ce, ce_norm, ca, cd, cv, got 'area'"),
        (TRUE, None, {"form": "abs"}, "form: expected relu or shifted, got 'abs'"),
        (TRUE, None, {"reduction": "max"}, "reduction: expected mean, sum or none, got 'max'"),
        (TRUE.long(), None, {}, r"maps: expected floating-point maps .* of torch.int64"),
    ],
)
def test_bad_input(maps, target, options, line):
    with pytest.raises(ValueError, match=line):
        cam_sharpness_loss(maps, target, **options)
