"""Maps fed back through the network: where the gradient goes, what is encoded, which options contradict each other."""

import pytest
import torch
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses.class_distinctiveness import class_distinctiveness, class_distinctiveness_loss
from papers_lib.losses.saliency_images import as_images

SIZE = (8, 8)


class Network(nn.Module):
    """Features and a head, smooth, so that differences can be taken."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, 2, 1), nn.SiLU(), nn.Conv2d(4, 3, 3, 2, 1), nn.SiLU()
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 3)
        )

    def maps(self, images: Tensor) -> Tensor:
        activations = self.features(images)
        return grad_cam(activations, head_gradients(self.head, activations, "all", create_graph=True)[1])


def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network().double()


def pictures() -> Tensor:
    return torch.rand(2, 2, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def gradients(loss: Tensor, model: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True))


def loss_of(model: Network, maps: Tensor, **options: object) -> Tensor:
    return class_distinctiveness_loss(maps, model.features, size=SIZE, channels=2, relu=False, **options)


def test_equals_a_loop_of_single_encodings():
    model = network()
    found, maps = loss_of(model, model.maps(pictures())), model.maps(pictures())
    codes = [
        torch.stack([model.features(as_images(one[None], SIZE, 2, relu=False))[0] for one in image])
        for image in maps
    ]
    expected = torch.stack([class_distinctiveness(image[None]) for image in codes]).mean()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    for a, b in zip(gradients(found, model), gradients(expected, model), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-15)


def test_the_two_ways_add_up():
    model, images = network(), pictures()
    both, maps, encoder = (
        gradients(loss_of(model, model.maps(images), through=way), model)
        for way in ("both", "maps", "encoder")
    )
    for a, b, c in zip(both, maps, encoder, strict=True):
        torch.testing.assert_close(a, b + c, rtol=1e-9, atol=1e-14)
    assert all(way[0].abs().max() > 0 for way in (maps, encoder))  # the first convolution learns either way
    assert encoder[4].abs().max() == 0  # the head speaks through the maps only
    assert maps[4].abs().max() > 0


def test_the_encoder_held_constant_is_left_as_it_is():
    model = network()
    maps = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    before = {name: (id(value), value.clone()) for name, value in model.named_parameters()}
    loss_of(model, maps, through="maps").backward()
    assert maps.grad.abs().max() > 0
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert {name: id(value) for name, value in model.named_parameters()} == {
        n: i for n, (i, _) in before.items()
    }
    assert all(torch.equal(value, before[name][1]) for name, value in model.named_parameters())


def test_without_an_encoder_the_maps_themselves_are_compared():
    maps = torch.tensor([[[[3.0, -5.0]], [[3.0, 4.0]]]])
    assert class_distinctiveness_loss(maps, None).item() == pytest.approx(9 / 15)
    assert class_distinctiveness_loss(maps, None, relu=False).item() == pytest.approx(-11 / (5 * 34**0.5))
