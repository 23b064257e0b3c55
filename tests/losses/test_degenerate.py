"""Every loss on a map: finite on degenerate maps, in half precision too; NaN stays visible; the batch does not mix."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from papers_lib.losses import (
    as_images,
    cam_sharpness_loss,
    class_distinctiveness_loss,
    heatmap_loss,
    mil_logits,
    published_coherence,
    spatial_coherence,
)
from papers_lib.losses.heatmap import FORMS
from papers_lib.metrics.sharpness import MEASURES


def two_classes(maps: Tensor) -> Tensor:
    return torch.stack([maps, maps.flip(-1)], 1)


def outside(maps: Tensor) -> Tensor:
    return torch.eye(6).expand_as(maps)


# Each is a mean over maps (B, 6, 6).
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    **{f"heatmap {form}": lambda m, f=form: heatmap_loss(m, outside(m), form=f) for form in FORMS},
    "heatmap, empty mask": lambda m: heatmap_loss(m, torch.zeros(m.shape)),
    "heatmap, full mask": lambda m: heatmap_loss(m, torch.ones(m.shape), form="dice"),
    **{f"sharpness {name}": lambda m, n=name: cam_sharpness_loss(m, measure=n).loss for name in MEASURES},
    "sharpness shifted": lambda m: cam_sharpness_loss(m, form="shifted").loss,
    "sharpness others": lambda m: (
        cam_sharpness_loss(two_classes(m), torch.zeros(len(m)).long(), others=0.5).loss
    ),
    "distinctiveness of maps": lambda m: class_distinctiveness_loss(two_classes(m), None),
    "distinctiveness of codes": lambda m: class_distinctiveness_loss(
        two_classes(m), lambda x: x[:, 0].flatten(1), size=(9, 9)
    ),
    "spatial coherence": spatial_coherence,
    "spatial coherence, mean": lambda m: spatial_coherence(m, reduction="mean"),
    "published coherence": lambda m: published_coherence(m, erosion=0),
    "published coherence, mean": lambda m: published_coherence(m, reduction="mean"),
    "images": lambda m: as_images(m, (7, 8)).square().mean(),
    "multi-instance": lambda m: mil_logits(m[:, None]).mean(),
}
EVERY = pytest.mark.parametrize("name", LOSSES)
ONE = torch.zeros(6, 6)
ONE[2, 3] = 5
MAPS = torch.stack(
    [
        ONE * 0,
        ONE * 0 - 1,
        ONE * 0 + 0.1,
        ONE,
        -ONE,
        1e4 * ONE,
        torch.eye(6),
        torch.arange(36.0).reshape(6, 6),
    ]
)


@EVERY
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_degenerate_maps_leave_value_and_gradient_finite(name, dtype):
    maps = MAPS.to(dtype, copy=True).requires_grad_()
    with torch.autograd.detect_anomaly(check_nan=True):
        loss = LOSSES[name](maps)
        loss.backward()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert loss.isfinite()
    assert maps.grad.isfinite().all()
    if "multi" not in name:
        assert not maps.grad[0].any()  # a dead map teaches nothing
    torch.testing.assert_close(loss.double(), LOSSES[name](maps.detach().double()), rtol=1e-4, atol=1e-5)


@EVERY
def test_a_nan_map_stays_visible(name):
    maps = MAPS.clone()
    maps[3, 2, 3] = torch.nan
    assert LOSSES[name](maps).isnan()


@EVERY
def test_the_batch_is_a_mean_over_maps_in_any_order(name):
    maps = torch.randn(5, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = LOSSES[name](maps)
    torch.testing.assert_close(LOSSES[name](maps.flip(0)), expected)
    torch.testing.assert_close(torch.stack([LOSSES[name](one[None]) for one in maps]).mean(), expected)
