"""Whether a data set was generated: generated sets say so themselves, wherever they were copied to."""

import json
from pathlib import Path
from typing import Literal


def data_kind(root: Path) -> Literal["stand-in", "real data"]:
    """What ``dataset.json`` under ``root`` says; real data where there is none."""
    described = root / "dataset.json"
    generated = (
        described.is_file() and json.loads(described.read_text(encoding="utf-8")).get("kind") == "stand-in"
    )
    return "stand-in" if generated else "real data"
