# fmt: off
# ruff: noqa: F401, I001
"""Networks: classifiers, heatmap decoders and encoders.

Names are imported when they are first asked for, so that ``papers_lib.models.vgg_cardiac`` needs torch and numpy
only, and other modules timm or segmentation-models-pytorch. Where a function has the name of its module, the
package gives the function; ``from papers_lib.models.pylon import PylonDecoder`` works all the same.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from papers_lib.models.classifier import (
        HeadMaps, PooledClassifier, pooled_classifier, pooled_mlp_grad_cam, split_at,
    )
    from papers_lib.models.eval_statistics import eval_statistics
    from papers_lib.models.freezing import freeze, unfreeze
    from papers_lib.models.heatmap_classifier import HeatmapClassifier, HeatmapOutput, MaxPooledDecoder
    from papers_lib.models.heatmap_methods import METHODS, Method, decoder
    from papers_lib.models.mimo import Mimo, independent_shuffles, logit_of_mean, widen_first_convolution
    from papers_lib.models.multilabel_classifier import MultilabelClassifier, Seen, cut, multilabel_classifier
    from papers_lib.models.pylon import ConvBlock, ConventionalHead, PylonDecoder, pylon
    from papers_lib.models.pyramid_encoder import LaterStages, PyramidEncoder, pyramid_encoder
    from papers_lib.models.timm_backbones import PACKAGES, Weights, timm_network, timm_stages
    from papers_lib.models.vgg_cardiac import (
        CardiacClassifier, INPUT_SIZE, field_share, receptive_field, small_vgg, vgg16,
    )

_MODULES = {
    "classifier": "HeadMaps PooledClassifier pooled_classifier pooled_mlp_grad_cam split_at",
    "eval_statistics": "eval_statistics",
    "freezing": "freeze unfreeze",
    "heatmap_classifier": "HeatmapClassifier HeatmapOutput MaxPooledDecoder",
    "heatmap_methods": "METHODS Method decoder",
    "mimo": "Mimo independent_shuffles logit_of_mean widen_first_convolution",
    "multilabel_classifier": "MultilabelClassifier Seen cut multilabel_classifier",
    "pylon": "ConvBlock ConventionalHead PylonDecoder pylon",
    "pyramid_encoder": "LaterStages PyramidEncoder pyramid_encoder",
    "timm_backbones": "PACKAGES Weights timm_network timm_stages",
    "vgg_cardiac": "CardiacClassifier INPUT_SIZE field_share receptive_field small_vgg vgg16",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)


class _Package(ModuleType):
    """A submodule that has the name of a function does not hide it: the import system would set it here."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _HOME):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
