"""Random views of training images, a batch at a time: rotation, crop and flip in one resampling, then colour.

Source: the PYLON paper (Preechakul 2022, iScience 25:103933) names Albumentations 0.5.2; `RADIOGRAPH` and
`PHOTOGRAPH` are the authors' settings. Deviations:

- One bicubic resampling (Keys's kernel with -0.75, as in OpenCV) instead of one for each step.
- What a rotation brings in from outside the picture is black; the library's own default is the picture's mirror image.
- A crop's area is uniform and its width / height log-uniform in 3/4 to 4/3; one that does not fit is drawn again, up
  to ten times, and then the largest one is taken.
- Radiographs: x → (1 + c) x + b, clipped, with c and b uniform in ±0.5.
- Photographs: brightness, contrast (about the picture's mean grey), saturation and hue (about the grey axis, not in
  HSV), always in this order and clipped once.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

RATIO = (3 / 4, 4 / 3)  # least and greatest width / height of a crop in pixels
TRIES = 10  # crops drawn before the largest one is taken
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
DRAWS = 14 + 2 * TRIES  # uniform numbers an image takes, whatever the policy


@dataclass(frozen=True)
class Policy:
    """What is drawn for each image on its own; as it stands, nothing is changed."""

    rotation: float = 0.0  # degrees; the angle is uniform in ±rotation
    crop_area: tuple[float, float] = (1.0, 1.0)  # least and greatest share of the area that a crop keeps
    brightness: float = 0.0  # what is added to all pixels is uniform in ±brightness
    contrast: float = 0.0  # their factor is uniform in 1 ± contrast
    jitter: float = 0.0  # colours: factors uniform in 1 ± jitter, the turn of the hue in ±jitter of a circle
    # Shares of the images that are rotated, cropped, mirrored left to right, changed in light and in colour.
    rotation_probability: float = 0.5
    crop_probability: float = 0.0
    flip_probability: float = 0.0
    light_probability: float = 0.5
    jitter_probability: float = 0.5


# NIH and VinDr-CXR
RADIOGRAPH = Policy(
    rotation=90, crop_area=(0.7, 1), brightness=0.5, contrast=0.5, crop_probability=1, flip_probability=0.5
)
# Pascal VOC
PHOTOGRAPH = Policy(rotation=10, crop_area=(0.5, 1), jitter=0.2, crop_probability=0.5, flip_probability=0.5)


class Views(NamedTuple):
    """What happens to each of B images, on the CPU; see :func:`apply_views`."""

    angle: Tensor  # (B,) degrees counter-clockwise
    crop: Tensor  # (B, 4) left, top, width and height as shares of the picture
    flip: Tensor  # (B,) bool
    gain: Tensor  # (B,)
    offset: Tensor  # (B,)
    colour: Tensor  # (B, 4) factors of brightness, contrast, saturation; turn of the hue, share of the circle


def augment(images: Tensor, policy: Policy, generator: torch.Generator) -> Tensor:
    """One random view of each image, of the same size.

    Images and result are (B, C, H, W) in [0, 1], of one floating type; C is 3 where the policy has colour jitter.

    >>> ramp = torch.tensor([[[[0.0, 0.5, 1.0]]]])
    >>> augment(ramp, Policy(flip_probability=1), torch.Generator()).round(decimals=4).tolist()
    [[[[1.0, 0.5, 0.0]]]]
    """
    low, high = (float(end) for end in images.detach().aminmax())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"images: got values from {low:g} to {high:g}, expected [0, 1]")
    if policy.jitter and images.shape[1] != 3:
        raise ValueError(f"images: got {images.shape[1]} channels, expected 3 for colour jitter")
    views = draw_views(policy, len(images), (images.shape[2], images.shape[3]), generator)
    return apply_views(images, views)


def draw_views(policy: Policy, count: int, size: tuple[int, int], generator: torch.Generator) -> Views:
    """Draw ``count`` views of images of ``size`` (H, W)."""
    draws = torch.rand(count, DRAWS, generator=generator, device=generator.device).cpu()
    decisions, signed, crops = draws[:, :5], draws[:, 5:12] * 2 - 1, draws[:, 12:]
    names = ("rotation", "crop", "flip", "light", "jitter")
    probabilities = torch.tensor([getattr(policy, f"{name}_probability") for name in names])
    rotated, cropped, flipped, lit, coloured = (decisions < probabilities).unbind(1)
    whole, plain = torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])
    return Views(
        torch.where(rotated, policy.rotation * signed[:, 0], 0.0),
        torch.where(cropped[:, None], _crops(policy, size, crops), whole),
        flipped,
        torch.where(lit, 1 + policy.contrast * signed[:, 1], 1.0),
        torch.where(lit, policy.brightness * signed[:, 2], 0.0),
        torch.where(coloured[:, None], plain + policy.jitter * signed[:, 3:], plain),
    )


def _crops(policy: Policy, size: tuple[int, int], draws: Tensor) -> Tensor:
    """Left, top, width and height (B, 4) as shares, from uniform ``draws`` (B, 2 + 2 TRIES)."""
    places, areas, ratios = draws[:, :2], draws[:, 2 : 2 + TRIES], draws[:, 2 + TRIES :]
    least, greatest = policy.crop_area
    area = least + (greatest - least) * areas
    low, high = map(math.log, RATIO)
    ratio = (low + (high - low) * ratios).exp() * size[0] / size[1]  # of the two shares
    shares = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], 2)  # (B, TRIES, 2)
    fits = (shares <= 1).all(2)
    first = (fits * torch.arange(TRIES, 0, -1)).argmax(1)
    chosen = shares[torch.arange(len(draws)), first]
    nearest = min(max(1.0, RATIO[0] * size[0] / size[1]), RATIO[1] * size[0] / size[1])
    largest = torch.tensor([min(1.0, nearest), min(1.0, 1 / nearest)])
    chosen = torch.where(fits.any(1)[:, None], chosen, largest)
    return torch.cat([places * (1 - chosen), chosen], 1)


def apply_views(images: Tensor, views: Views) -> Tensor:
    """The ``views`` of images (B, C, H, W) in [0, 1], as :func:`augment` returns them.

    Turned, cropped, resized, mirrored, then lit and coloured. An image that does not move keeps its pixels exactly.
    """
    pixels = images if images.dtype == torch.float64 else images.float()
    theta = _affine(views, (images.shape[2], images.shape[3]))
    moved = (theta != torch.eye(2, 3, dtype=theta.dtype)).flatten(1).any(1).nonzero()[:, 0]
    if len(moved) == len(images):
        pixels = _resampled(pixels, theta)
    elif len(moved):
        pixels = pixels.index_copy(0, moved.to(images.device), _resampled(pixels[moved], theta[moved]))
    gain, offset = (one.to(pixels)[:, None, None, None] for one in (views.gain, views.offset))
    pixels = (pixels * gain + offset).clamp_(0, 1)
    if bool((views.colour != torch.tensor([1.0, 1.0, 1.0, 0.0])).any()):
        pixels = _coloured(pixels, views.colour).clamp_(0, 1)
    return pixels.to(images.dtype)


def _affine(views: Views, size: tuple[int, int]) -> Tensor:
    """Matrices (B, 2, 3), float64, from a place in the view to the place in its picture, both in [-1, 1]."""
    left, top, width, height = views.crop.double().unbind(1)
    mirror = 1 - 2 * views.flip.double()
    zero = torch.zeros_like(width)
    # Place in the view → place in the turned picture.
    crop = torch.stack([mirror * width, zero, 2 * left + width - 1, zero, height, 2 * top + height - 1], 1)
    angle, wide = views.angle.double().deg2rad(), size[1] / size[0]
    # → place in the picture; the angle is one of pixels, so the sides of the picture enter.
    turn = torch.stack([angle.cos(), -angle.sin() / wide, angle.sin() * wide, angle.cos()], 1)
    return turn.view(-1, 2, 2) @ crop.view(-1, 2, 3)


def _resampled(images: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    views = F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    views *= (grid.abs() <= 1).all(3)[:, None]  # black outside
    return views.clamp_(0, 1)  # bicubic overshoots beside edges


def _coloured(images: Tensor, colour: Tensor) -> Tensor:
    brightness, contrast, saturation, turn = colour.double()[:, :, None, None].unbind(1)
    luma = torch.tensor(LUMA, dtype=torch.float64)
    grey = luma.expand(3, 3)
    axis = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) / math.sqrt(3)
    one, angle = torch.eye(3, dtype=torch.float64), 2 * math.pi * turn
    saturate = saturation * one + (1 - saturation) * grey
    # Rodrigues' formula about (1, 1, 1) / sqrt(3).
    hue = angle.cos() * one + (1 - angle.cos()) / 3 + angle.sin() * axis
    # Greys stay grey: every row sums to the factors.
    matrix = (brightness * contrast * hue @ saturate).to(images)
    mean = torch.einsum("bchw,c->b", images, luma.to(images)) / images[0, 0].numel()
    shift = (brightness * (1 - contrast))[:, 0, 0].to(images) * mean
    return torch.einsum("bij,bjhw->bihw", matrix, images) + shift[:, None, None, None]
