"""Networks: classifiers, heatmap decoders and encoders; a name's module is imported when it is first asked for.

Functions with the name of their module (``pylon``, ``eval_statistics``, ...) are imported from it.
"""

import importlib
from typing import Any

_MODULES = {
    "classifier": "HeadMaps PooledClassifier pooled_classifier pooled_mlp_grad_cam split_at",
    "freezing": "freeze unfreeze",
    "heatmap_classifier": "HeatmapClassifier HeatmapOutput MaxPooledDecoder",
    "heatmap_methods": "METHODS Method decoder",
    "mimo": "Mimo independent_shuffles logit_of_mean widen_first_convolution",
    "multilabel_classifier": "MultilabelClassifier Seen cut",
    "pylon": "ConvBlock ConventionalHead PylonDecoder",
    "pyramid_encoder": "LaterStages PyramidEncoder",
    "timm_backbones": "PACKAGES Weights timm_network timm_stages",
    "vgg_cardiac": "CardiacClassifier INPUT_SIZE field_share receptive_field small_vgg vgg16",
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names.split():
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
