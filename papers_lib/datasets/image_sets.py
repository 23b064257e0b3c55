"""The data sets that `image_store` can hold, by the kind that a `StoreSpec` names."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.datasets.image_store import Reader, StoreSpec, write_images
from papers_lib.datasets.nih_cxr14 import load_nih
from papers_lib.datasets.pictures import read_image, read_radiograph
from papers_lib.datasets.tabular import check_choice
from papers_lib.datasets.vindr_cxr import load_vindr
from papers_lib.datasets.voc import voc_boxed


class Kind(NamedTuple):
    """How to list a data set from its folder and options, and how to decode one of its files."""

    load: Callable[..., BoxedImages]
    reader: Reader


KINDS = {
    "nih": Kind(load_nih, read_image),
    "vindr": Kind(load_vindr, read_radiograph),
    "voc": Kind(voc_boxed, read_image),
}


def load_set(spec: StoreSpec, root: str | Path) -> BoxedImages:
    """The list of the set at ``root``: its loader called with the options of ``spec`` by name."""
    check_choice("kind", spec.kind, tuple(KINDS))
    load = KINDS[spec.kind].load
    spec.check_options(load)
    return load(root, **spec.options)


def write_set(folder: str | Path, spec: StoreSpec, *, root: str | Path, jobs: int = 1) -> Path:
    """List the set at ``root`` and write its pictures to ``folder``, for ``data_gen.store.ensure``."""
    return write_images(folder, spec, images=load_set(spec, root), jobs=jobs, reader=KINDS[spec.kind].reader)
