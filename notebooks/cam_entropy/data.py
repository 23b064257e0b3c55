"""The pictures: a set in Pascal VOC's layout, the user's or synthetic scenes, as crops of its boxes."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from cam_entropy.parameters import STRIDE
from data_gen.scenes import ScenesSpec, write
from data_gen.store import ensure
from papers_lib.datasets.fingerprint import data_kind, tree_fingerprint
from papers_lib.datasets.voc_store import CropSpec, write_crops
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier, split_at
from papers_lib.sweep import DataRef


class Opened(NamedTuple):
    """The crops that runs read, and the fingerprint of the set that they were cut from."""

    crops: DataRef
    fingerprint: str


def open_data(
    data_root: str, folder: Path, sizes: Mapping[str, int], seed: int, crops: Mapping[str, Any], jobs: int
) -> Opened:
    """The data set, and its crops.

    Args:
        data_root: folder of a set in VOC's layout (docs/data_voc.md), or "" for synthetic scenes.
        folder: where synthetic sets and crops are kept.
        sizes: scenes by split ("train", "test") of the synthetic set.
        seed: of the synthetic set.
        crops: the fields of ``CropSpec`` but ``data``.
        jobs: processes that write; 0 means one a core.

    Raises:
        UserError: a set that cannot be read, or a single class to train on; the line names the file.
    """
    if data_root:
        root = Path(data_root).expanduser()
        fingerprint = tree_fingerprint(root)[:16]
    else:
        root = ensure(folder, "scenes", ScenesSpec(seed=seed, **sizes), partial(write, jobs=jobs))
        fingerprint = root.name.rpartition("-")[2]
    spec = CropSpec(data=fingerprint, **crops)
    cut = ensure(folder, "crops", spec, partial(write_crops, root=root, jobs=jobs))
    return Opened(DataRef(cut, cut.name.rpartition("-")[2], data_kind(root)), fingerprint)


@torch.no_grad()
def check_backbones(runs: Iterable[Any]) -> None:
    """Build the network of each run once, so that a bad name is told before anything is drawn or trained.

    Raises:
        UserError: no such network, weights or stage; a network whose map has another stride than ``STRIDE``, with which
            chance and ceilings are worked out, or that does not take pictures of any size.
    """
    side = 2 * STRIDE
    for backbone, weights, stage in sorted({(one.backbone, one.weights, one.train_from) for one in runs}):
        generator = torch.Generator().manual_seed(0)
        model = pooled_classifier(backbone, 2, generator=generator, weights=weights)
        try:
            split_at(model, stage)
            found = tuple(model.eval().features(torch.zeros(1, 3, side, side)).shape[-2:])
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"network {backbone}, pictures of {side} x {side}: {reason}") from error
        if found != (2, 2):
            text = f"pictures of {side} x {side} make maps of {found[0]} x {found[1]} cells, expected 2 x 2"
            raise UserError(f"network {backbone}: {text} (a stride of {STRIDE})")
