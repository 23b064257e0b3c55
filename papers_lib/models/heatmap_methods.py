"""Every method of the PYLON paper by one key: :data:`METHODS`, and :func:`decoder`, which makes its decoder.

Grad-CAM, Grad-CAM++ and XGrad-CAM are no methods here: they are read off the model of "cam" (papers_lib.cams).
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Generator, nn

from papers_lib.errors import UserError
from papers_lib.models.benchmark_decoders import (
    CamDecoder,
    DeepLabDecoder,
    FPNDecoder,
    LiDecoder,
    PANDecoder,
    UnetDecoder,
)
from papers_lib.models.pylon import ConventionalHead, PylonDecoder

# Channels of each decoder at ``width`` = 128, the paper's; None has no width.
_DECODERS: Mapping[str, tuple[Callable[..., nn.Module], int | None]] = {
    "cam": (CamDecoder, None),
    "li2018": (LiDecoder, 512),
    "unet": (UnetDecoder, 128),
    "fpn": (FPNDecoder, 128),
    "pan": (PANDecoder, 128),
    "deeplab": (DeepLabDecoder, 128),
    "pylon": (PylonDecoder, 128),
    "conventional": (ConventionalHead, 128),
}


class Method(NamedTuple):
    """A decoder with its settings.

    ``kind``: which decoder; ``printed``, the paper's name in its Tables 1 to 4; ``where``, its tables and figures;
    ``options`` of the decoder; ``stride`` of the heatmap, 0 where it has a fixed number of ``cells`` along each side;
    ``output_stride`` that the encoder needs.
    """

    kind: str
    label: str
    printed: str = ""
    where: str = ""
    options: Mapping[str, Any] = MappingProxyType({})
    stride: int = 4
    cells: int = 0
    output_stride: int = 32

    def stride_at(self, side: int) -> float:
        """Pixels of a cell of the heatmap, for images of this side; NaN without a heatmap.

        >>> METHODS["pylon"].stride_at(256), METHODS["li2018"].stride_at(256)  # 256 / 20
        (4, 12.8)
        """
        return side / self.cells if self.cells else self.stride or float("nan")


def _pylon(label: str, where: str = "", *, printed: str = "", ups: int = 3, **options: Any) -> Method:
    return Method("pylon", label, printed, where, {"ups": ups, **options}, stride=32 >> ups)


def _small(label: str, **options: Any) -> Method:
    return _pylon(label, "Table S16", up="small", **options)


_LI = Method("li2018", "Li 2018", "Li et al. (2018b)", "Tables 1 to 4", stride=0, cells=20)
_DEEPLAB = Method("deeplab", "DeepLabV3+", "DeeplabV3+", "Table 1", output_stride=16)
_PARTS = "ours: Table S16 has it for the small variant"

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "cam": Method("cam", "CAM", "Baseline", "Tables 1 to 4", stride=32),
        "li2018": _LI,
        "unet": Method("unet", "Unet", "UNET", "Table 1"),
        "fpn": Method("fpn", "FPN", "FPN", "Tables 1 to 4"),
        "pan": Method("pan", "PAN", "PAN", "Table 1"),
        "deeplab": _DEEPLAB,
        "pylon": _pylon("PYLON", "Tables 1 to 4", printed="PYLON"),
        # Global average pools
        "pan_no_gap": Method("pan", "PAN without global pools", "", "Table S18", {"gap": False}),
        "deeplab_no_gap": _DEEPLAB._replace(
            label="DeepLabV3+ without global pool", printed="", where="Table S18", options={"gap": False}
        ),
        "pylon_gap": _pylon("PYLON with a global pool", "Table S18", gap=True),
        # Group norm
        "fpn_group": Method("fpn", "FPN, group norm", "", "Figure S14", {"norm": "group"}),
        "fpn_group1": Method("fpn", "FPN, group norm of one group", "", "Figure S14", {"norm": "group1"}),
        "pylon_group": _pylon("PYLON, group norm", "Figure S15", norm="group"),
        "li2018_group": _LI._replace(
            label="Li 2018, group norm", printed="", where="Figure S15", options={"norm": "group"}
        ),
        # The parts of PYLON, which the paper takes out of (or puts into) its small variant
        "pylon_small": _small("PYLON small"),
        "pylon_small_2up": _small("PYLON small, 2 UP", ups=2),
        "pylon_small_1up": _small("PYLON small, 1 UP", ups=1),
        "pylon_0up": _pylon("PYLON, 0 UP", "Table S16", ups=0),  # without an UP the variants are one
        "pylon_small_no_pa": _small("PYLON small without PA", attention=False),
        "pylon_small_head3": _small("PYLON small, Conv 3x3 head", head_kernel=3),
        "pylon_conv3x3": _pylon("PYLON, UP of one Conv 3x3", "Table S16", up="conv3x3"),
        "conventional": Method("conventional", "PYLON, conventional head", "", "Table S17", stride=0),
        # The same parts of the proposed variant
        "pylon_2up": _pylon("PYLON, 2 UP", _PARTS, ups=2),
        "pylon_1up": _pylon("PYLON, 1 UP", _PARTS, ups=1),
        "pylon_no_pa": _pylon("PYLON without PA", _PARTS, attention=False),
        "pylon_head3": _pylon("PYLON, Conv 3x3 head", _PARTS, head_kernel=3),
        "cam_norm": Method("cam", "CAM, batch norm on the features", "", "ours", {"norm": True}, stride=32),
    }
)


def decoder(
    method: str,
    channels: Sequence[int],
    classes: int,
    *,
    generator: Generator,
    width: int = 128,
    **options: Any,
) -> nn.Module:
    """The decoder of a method, as heatmap_classifier.py describes it.

    Args: method, a key of METHODS; channels of the encoder's features at strides 4, 8, 16, 32, finest first (4, 8,
    16, 16 where ``output_stride`` is 16; Unet also takes 2, 4, 8, 16, 32); width, the paper's 128 or another multiple
    of 32; options, that replace the method's.

    >>> fpn = decoder("fpn", (24, 40, 112, 320), 14, generator=Generator(), width=32)
    >>> fpn.head.weight.shape, fpn.stride
    (torch.Size([14, 32, 1, 1]), 4)
    """
    if method not in METHODS:
        near = get_close_matches(method, METHODS, 3) or METHODS
        raise UserError(f"method: {method!r} does not exist; expected for instance {', '.join(near)}")
    if width < 32 or width % 32:
        raise UserError(f"width: expected a multiple of 32, got {width}")
    row = METHODS[method]
    make, usual = _DECODERS[row.kind]
    if usual is not None:
        options = {"width": usual * width // 128, **options}
    return make(channels, classes, generator=generator, **{**row.options, **options})
