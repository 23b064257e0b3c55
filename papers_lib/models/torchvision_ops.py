"""Lets torchvision from PyPI import beside a CPU-only torch.

torchvision's compiled operators are absent there, and its import fails on two operator schemas that
classification never calls. This module declares those two when, and only when, they are missing; where
torchvision is whole it does nothing. Import it before timm or segmentation-models-pytorch.
"""

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library: torch.library.Library | None = None  # a Library's definitions live as long as the object


def _operators_load() -> bool:
    """True where torchvision's own compiled operators can be loaded (then they define the schemas)."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # nothing to mend
    found = sorted(Path(spec.origin).parent.glob("_C*.so"))
    if not found:
        return False
    try:
        torch.ops.load_library(str(found[0]))
    except OSError:
        return False
    return True


def declare_missing() -> list[str]:
    """Declare the missing schemas; returns the names declared by this call (empty when all exist)."""
    global _library
    missing = [name for name in _SCHEMAS if not _exists(name)]
    if not missing or _operators_load():
        return []
    _library = _library or torch.library.Library("torchvision", "FRAGMENT")
    for name in missing:
        _library.define(_SCHEMAS[name])
    return missing


def _exists(name: str) -> bool:
    try:
        torch._C._get_schema(f"torchvision::{name}", "")
    except RuntimeError:
        return False
    return True


declare_missing()
