"""Whether a data set was generated: generated sets say so themselves, wherever they were copied to."""

import json
from pathlib import Path
from typing import Literal

from papers_lib.datasets.voc_annotations import shown
from papers_lib.errors import UserError


def data_kind(root: Path) -> Literal["stand-in", "real data"]:
    """What ``dataset.json`` under ``root`` says; real data where there is none.

    Raises:
        UserError: that file is no JSON object.
    """
    described = root / "dataset.json"
    if not described.is_file():
        return "real data"
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{described}: not readable as JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{described}: found {shown(content)}, expected an object with the kind of the data")
    return "stand-in" if content.get("kind") == "stand-in" else "real data"
