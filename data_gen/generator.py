"""What the generators share: checks of a spec, folders written by several processes, tables, the command line."""

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from papers_lib.datasets.row_file import CHUNK, in_processes
from papers_lib.errors import UserError
from papers_lib.files import write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def generator_of(seed: int, *key: int) -> np.random.Generator:
    """The source of the draws that belong to ``key``: splits, patients and pictures share none."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def write_parts(
    draw: Callable[..., Any], folder: Path, spec: "DataclassInstance", counts: Mapping[str, int], jobs: int
) -> dict[str, list[Any]]:
    """What ``draw(folder, spec, split, index)`` returns for each picture, which it writes, in order, by split.

    ``jobs`` is the number of processes (0: one for each core); the files do not depend on it.
    """
    chunks = [
        (draw, folder, spec, split, range(start, min(start + CHUNK, count)))
        for split, count in counts.items()
        for start in range(0, count, CHUNK)
    ]
    made: dict[str, list[Any]] = {split: [] for split in counts}
    for (*_, split, _), part in zip(chunks, in_processes(_write_chunk, chunks, jobs), strict=True):
        made[split] += part
    return made


def _write_chunk(
    draw: Callable[..., Any], folder: Path, spec: "DataclassInstance", split: str, indices: range
) -> list[Any]:
    return [draw(folder, spec, split, index) for index in indices]


def write_table(path: Path, header: Sequence[str] | str, rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file; a header that is a text is written as it is."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if isinstance(header, str):
            file.write(f"{header}\n")
        else:
            writer.writerow(header)
        writer.writerows(rows)


def save_png(path: Path, image: np.ndarray) -> None:
    """Save an 8-bit grey PNG."""
    Image.fromarray(image).save(path, compress_level=1)


def write_description(folder: Path, name: str, generator: str, spec: "DataclassInstance") -> None:
    """Write ``dataset.json``, by which a generated set is known wherever it is copied to."""
    described = {"name": name, "kind": "synthetic data", "generator": generator, "parameters": asdict(spec)}
    write_json(folder / "dataset.json", described)


def command(spec: type, write: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Command line of a generator: ROOT, and an option for each field of ``spec``."""
    parser = argparse.ArgumentParser(description=spec.__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder to write, new or empty")
    for field in fields(spec):
        if field.default is MISSING:
            parser.add_argument(f"--{field.name}", type=int, required=True)
        else:
            kind = type(field.default)
            parser.add_argument(f"--{field.name}", type=kind, default=field.default, help="%(default)s")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 means one for each core")
    given = vars(parser.parse_args(arguments))
    root, jobs = given.pop("root"), given.pop("jobs")
    try:
        write(root, spec(**given), jobs)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
