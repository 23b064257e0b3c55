"""Models that others start from: their weights lie beside the images of the set that is trained next.

The paper's VinDr-CXR models start from the one trained on NIH ChestX-ray14, with a new head.
"""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from papers_lib.errors import UserError
from papers_lib.files import replacing
from papers_lib.models.heatmap_classifier import HeatmapClassifier

PREFIX = "weights/"
HEAD = "decoder.head."


def source_arrays(model: HeatmapClassifier) -> dict[str, np.ndarray]:
    """The state of a model as arrays to be kept with a run's record."""
    return {f"{PREFIX}{name}": value.cpu().numpy() for name, value in _state(model).items()}


def share_source(arrays: Mapping[str, np.ndarray], key: str, folder: Path) -> None:
    """Write the weights in a record's arrays where :func:`load_source` finds them.

    Args: arrays, of the record; key, of the record, a hash of all that its result depends on; folder, of the image
    store whose runs will start from them.
    """
    with replacing(_path(folder, key)) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: value for name, value in arrays.items() if name.startswith(PREFIX)})  # type: ignore[arg-type]


def load_source(model: HeatmapClassifier, folder: Path, key: str) -> None:
    """Copy the weights of a source into a model of the same method, all but the head.

    Raises:
        UserError: no such source, or one of another method or encoder.
    """
    path = _path(folder, key)
    try:
        with np.load(path, allow_pickle=False) as found:
            given = {name.removeprefix(PREFIX): torch.from_numpy(found[name]) for name in found.files}
    except (OSError, ValueError, EOFError, BadZipFile, KeyError) as error:
        raise UserError(
            f"{path}: no weights to start from ({type(error).__name__}); run its source first"
        ) from error
    own = _state(model)
    wanted = {name for name in own if not name.startswith(HEAD)}
    fitting = {name for name in wanted & given.keys() if own[name].shape == given[name].shape}
    if fitting != wanted or wanted != {name for name in given if not name.startswith(HEAD)}:
        odd = min((wanted - fitting) or {name for name in given if not name.startswith(HEAD)} - wanted)
        raise UserError(f"{path}: {odd} does not fit, expected a source of the same method")
    model.load_state_dict({name: given[name] for name in wanted}, strict=False)


def _state(model: HeatmapClassifier) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}


def _path(folder: Path, key: str) -> Path:
    return folder / "sources" / f"{key}.npz"
