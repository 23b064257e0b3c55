"""Class distinctiveness of codes, and the sampled pairs: torch's own cosine, hand-worked values, counts."""

from itertools import combinations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from papers_lib.cams import grad_cam, head_gradients
from papers_lib.losses.class_distinctiveness import class_distinctiveness, class_distinctiveness_loss
from papers_lib.losses.saliency_images import as_images


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 4),
    classes=st.integers(2, 6),
    factor=st.floats(1e-12, 1e12),
)
def test_equals_the_mean_of_torchs_cosines(seed, batch, classes, factor):
    codes = random_maps(seed, batch, classes, 3, 2, 2)
    vectors = codes.flatten(2)
    cosines = [
        F.cosine_similarity(vectors[:, a], vectors[:, b], -1) for a, b in combinations(range(classes), 2)
    ]
    expected = torch.stack(cosines).mean()
    torch.testing.assert_close(class_distinctiveness(codes), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(class_distinctiveness(codes * factor), expected)
    order = torch.randperm(classes, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(class_distinctiveness(codes[:, order]), expected)
    assert 0 <= class_distinctiveness(codes.abs()) <= 1 + 1e-12


def test_gradients():
    codes = random_maps(0, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(class_distinctiveness, (codes,))
    assert torch.autograd.gradgradcheck(class_distinctiveness, (codes,))


def test_the_sampled_estimator_is_unbiased():
    maps, generator = random_maps(2, 4, 3, 2, 2), torch.Generator().manual_seed(0)
    draws = torch.stack(
        [
            class_distinctiveness_loss(maps, None, estimator="sampled", share=0.5, generator=generator)
            for _ in range(2500)
        ]
    )
    error = draws.std() / len(draws) ** 0.5
    assert error < 0.01
    assert abs(draws.mean() - class_distinctiveness_loss(maps, None)) < 4 * error


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
