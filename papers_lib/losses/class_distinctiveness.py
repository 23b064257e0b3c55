"""Class distinctiveness: the saliency maps of one image's classes are to be encoded differently (section 3.1.1)."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from papers_lib.cams import full_precision
from papers_lib.errors import one_of
from papers_lib.losses.saliency_images import as_images

Estimator = Literal["all", "sampled"]
Through = Literal["both", "maps", "encoder"]


class SampledPairs(NamedTuple):
    """``images`` (n,), distinct indices into the batch, and ``classes`` (n, 2), two different classes of each."""

    images: Tensor
    classes: Tensor


def class_distinctiveness(codes: Tensor) -> Tensor:
    """Mean cosine between the codes (B, K, ...) of an image's classes, mean over images: L_CD of section 3.1.1.

    L_CD = 2 / (K (K - 1)) Σ_{c1 < c2} cos(Z_c1, Z_c2) for one image; Z_c is the code of class c's map, flattened
    whole. In [0, 1] for codes without negative values, else from -1 / (K - 1). A code of zeros has cosine and
    gradient 0: **a dead map costs nothing and learns nothing.**

    >>> codes = torch.tensor([[[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]]])
    >>> round(class_distinctiveness(codes).item(), 4)  # (1 + 0 + 0) / 3
    0.3333
    """
    if codes.ndim < 3 or codes.numel() == 0 or codes.shape[1] < 2:
        raise ValueError(f"codes: expected (B, K, ...) with two classes or more, got {tuple(codes.shape)}")
    with torch.autocast(codes.device.type, enabled=False):
        unit = _unit(codes.flatten(2))
        # Off the diagonal only: codes that share no unit have cosine exactly 0.
        cosines = torch.bmm(unit, unit.mT).triu(1)
        classes = codes.shape[1]
        return cosines.sum((1, 2)).mean() * 2 / (classes * (classes - 1))


def sample_pairs(batch: int, classes: int, *, share: float, generator: torch.Generator) -> SampledPairs:
    """Some images of the batch, without replacement, and of each an unordered pair of classes, all equally likely.

    Ours, not the report's; unbiased. max(1, round(share · batch)) images are chosen, share in (0, 1]; the smaller
    class comes first.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: expected a number in (0, 1], got {share}")
    count, device = max(1, round(share * batch)), generator.device
    images = torch.randperm(batch, generator=generator, device=device)[:count]
    first = torch.randint(classes, (count,), generator=generator, device=device)
    step = torch.randint(1, classes, (count,), generator=generator, device=device)
    return SampledPairs(images, torch.stack([first, (first + step) % classes], 1).sort(1).values)


def class_distinctiveness_loss(
    maps: Tensor,
    encode: Callable[[Tensor], Tensor] | None,
    *,
    size: tuple[int, int] | None = None,
    channels: int = 1,
    relu: bool = True,
    estimator: Estimator = "all",
    share: float = 1.0,
    generator: torch.Generator | None = None,
    through: Through = "both",
) -> Tensor:
    """L_CD of section 3.1.1: the maps of all classes become images, are encoded again, and compared.

    Batch norm belongs in eval mode there (``models.eval_statistics``). Chosen here: maps are min-max scaled and
    enlarged to the input's size (``as_images``); "sampled", 2 re-encodings for each chosen image instead of K.

    Args: maps, raw (B, K, h, w) with their graph; encode, images (N, channels, H, W) in [0, 1] to codes (N, ...): the
    last convolutional features, the network's normalisation included, None compares the maps themselves; size (H, W)
    and channels of the images; relu, Grad-CAM's, before anything else; estimator, "all" images and pairs, or
    "sampled", with ``share`` and ``generator`` of :func:`sample_pairs`; through, "both", "maps" holds the encoder
    constant (an ``nn.Module``), "encoder" holds the maps constant.

    >>> maps = torch.tensor([[[[3.0, 0.0]], [[3.0, 4.0]]]])
    >>> round(class_distinctiveness_loss(maps, None).item(), 4)  # 3 · 3 / (3 · 5)
    0.6
    """
    _check(maps, encode, size, estimator, generator, through)
    maps = full_precision(maps)
    if through == "encoder":
        maps = maps.detach()
    if estimator == "sampled" and generator is not None:
        pairs = sample_pairs(*maps.shape[:2], share=share, generator=generator)
        images, classes = pairs.images.to(maps.device), pairs.classes.to(maps.device)
        maps = maps[images[:, None], classes]
    if encode is None or size is None:
        return class_distinctiveness(maps.relu() if relu else maps)

    images = as_images(maps.flatten(0, 1), size, channels, relu=relu)
    if through == "maps" and isinstance(encode, nn.Module):
        constants = {name: value.detach() for name, value in encode.named_parameters()}
        codes = torch.func.functional_call(encode, constants, (images,))
    else:
        codes = encode(images)
    return class_distinctiveness(codes.unflatten(0, maps.shape[:2]))


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1, those of zeros left as they are; (B, K, D)."""
    vectors = full_precision(vectors)
    # Divided by their largest value first: squares of tiny or huge values leave the range of float32. The cosine does
    # not depend on that factor, so it is a constant to the gradient.
    peak = vectors.detach().abs().amax(-1, keepdim=True)
    zero = peak <= max(1e-30, torch.finfo(vectors.dtype).tiny)
    vectors = torch.where(zero, 0.0, vectors / torch.where(zero, 1.0, peak))
    # The guard stands under the root, whose slope at zero is infinite: times the unused branch it would be NaN.
    return vectors / torch.where(zero, 1.0, vectors.square().sum(-1, keepdim=True)).sqrt()


def _check(
    maps: Tensor,
    encode: Callable[[Tensor], Tensor] | None,
    size: tuple[int, int] | None,
    estimator: str,
    generator: torch.Generator | None,
    through: str,
) -> None:
    if maps.ndim != 4 or maps.numel() == 0 or maps.shape[1] < 2:
        raise ValueError(f"maps: expected (B, K, h, w) with two classes or more, got {tuple(maps.shape)}")
    one_of("estimator", estimator, get_args(Estimator))
    one_of("through", through, get_args(Through))
    if encode is not None and size is None:
        raise ValueError("size: expected (H, W) of the images to encode, got None")
    if estimator == "sampled" and generator is None:
        raise ValueError("generator: expected a torch.Generator with estimator 'sampled', got None")
    if through == "maps" and encode is not None and not isinstance(encode, nn.Module):
        raise ValueError(f"encode: through 'maps' needs an nn.Module, got {type(encode).__name__}")
    if through == "encoder" and encode is None:
        raise ValueError("through: 'encoder' needs an encoder, got encode None")
