"""Lets torchvision from PyPI import beside a CPU-only torch, by declaring the two operators that its import misses."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_library: Any = None  # a torch.library.Library, whose definitions live as long as the object


class _BeforeTorchvision(MetaPathFinder):
    """Finds nothing; it only notices the first import of torchvision."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            declare_missing()
        return None


def install() -> None:
    """Declare the schemas on the first import of torchvision from here on."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _BeforeTorchvision())


def declare_missing() -> list[str]:
    """Declare the missing schemas; returns the names declared by this call (empty when all exist)."""
    global _library
    import torch

    missing = [name for name in _SCHEMAS if not _exists(name)]
    if not missing or _operators_load():
        return []
    _library = _library or torch.library.Library("torchvision", "FRAGMENT")
    for name in missing:
        _library.define(_SCHEMAS[name])
    return missing


def _operators_load() -> bool:
    """True where torchvision's own compiled operators can be loaded (then they define the schemas)."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # nothing to mend
    try:
        torch.ops.load_library(str(next(Path(spec.origin).parent.glob("_C*.so"))))
    except (OSError, StopIteration):
        return False
    return True


def _exists(name: str) -> bool:
    import torch

    return bool(torch._C._jit_get_schemas_for_operator(f"torchvision::{name}"))
