import torch

from papers_lib.models.vgg_cardiac import field_share, receptive_field, small_vgg


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_small_vgg_maps_of_the_paper_and_parameters_by_hand():
    model = small_vgg(seeded(0))
    x = torch.randn(2, 1, 105, 135, generator=seeded(1))
    assert model.features(x).shape == (2, 64, 6, 8)
    torch.testing.assert_close(model(x), model.head(model.features(x)))
    convolutions = (9 * 1 + 1) * 8 + (9 * 8 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64
    head = (3 * 4 * 64 + 1) * 100 + (100 + 1) * 4
    assert sum(p.numel() for p in model.parameters()) == convolutions + head


def test_receptive_field_against_the_gradient():
    """The pixels with a non-zero gradient of one inner cell are those the formula counts."""
    model = small_vgg(seeded(0))
    for parameter in model.parameters():
        parameter.data.abs_()  # no cancelling and no dead ReLU
    x = torch.rand(1, 1, 105, 135, generator=seeded(1), requires_grad=True)
    # Max pools pass one of four gradients on: sum over random inputs to see all of the field.
    seen = torch.zeros(105, 135, dtype=torch.bool)
    for seed in range(60):
        x = torch.rand(1, 1, 105, 135, generator=seeded(seed), requires_grad=True)
        (gradient,) = torch.autograd.grad(model.features(x)[0, :, 3, 4].sum(), x)
        seen |= gradient[0, 0] != 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    field, stride = receptive_field(model.convolutions)
    assert (field, stride) == (76, 16)
    assert field - 8 <= int(rows.max() - rows.min()) + 1 <= field
    assert field - 8 <= int(columns.max() - columns.min()) + 1 <= field
    assert 0.2 < field_share(model.convolutions) < 0.41  # never above 76 x 76 of 105 x 135
