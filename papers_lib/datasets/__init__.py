"""Data sets in their published layouts, as lists of images with labels and boxes, and stores of resized pictures.

Bad input is a `papers_lib.errors.UserError` everywhere: one line that names the file, row or parameter, what was
found and what was expected. A store or generated folder appears whole or not at all. Names are loaded when first used.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "boxed_images": ("BoxedImages",),
    "cardiac": ("CardiacSplit", "load_cardiac"),
    "chexpert": ("load_chexpert",),
    "chexpert_store": ("ChexpertImages", "ChexpertStore", "open_store", "write_store"),
    "fingerprint": ("data_kind", "tree_fingerprint"),
    "image_sets": ("write_set",),
    "image_store": ("StoreSpec", "load_images", "write_images"),
    "nih_cxr14": ("load_nih",),
    "pictures": ("read_dicom", "read_image", "read_radiograph"),
    "splits": ("image_split", "k_folds_by_patient", "patient_split", "shared_patients"),
    "vindr_cxr": ("load_vindr",),
    "voc": ("VocRecord", "VocSplit", "load_voc", "voc_boxed"),
    "voc_store": ("CropSpec", "CropSplit", "load_crops", "write_crops"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
