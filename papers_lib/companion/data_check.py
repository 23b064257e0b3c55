"""``papers data check``: a data set read by the loaders that a run calls, every picture opened, before a long run."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from papers_lib.errors import UserError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at a data set before a run.")


class Layout(NamedTuple):
    """A layout: its name, what tells it, and the notebooks that read it."""

    name: str
    told_by: str
    notebooks: tuple[str, ...]


BY_PATH = "train.csv with a column Path, or a folder with one"
LAYOUTS = {
    "cardiac": Layout("cardiac slices", "slices.csv", ("heatmap_loss",)),
    "nih": Layout("NIH ChestX-ray14", "Data_Entry_2017*.csv", ("pylon", "sibnet_calibration")),
    "voc": Layout("Pascal VOC", "a folder VOC2007, VOC2012 or the like", ("cam_entropy", "pylon")),
    "chexpert": Layout("CheXpert", BY_PATH, ("sibnet_calibration",)),
    "vindr": Layout("VinDr-CXR", "train.csv with a column image_id", ("pylon",)),
}


def find_layout(root: Path) -> str:
    """Which of ``LAYOUTS`` the folder ``root`` has, by names and one header; none is a `UserError`."""
    try:
        names = sorted(name for name in os.listdir(root) if not name.startswith("."))
    except OSError as error:
        raise UserError(f"{root}: cannot be read ({error.strerror}), expected a folder of data") from error
    tables = [path for path in (*root.glob("train.csv"), *root.glob("*/train.csv")) if path.is_file()]
    columns: set[str] = set()
    for table in tables[:1]:
        with table.open("rb") as file:
            columns = set(re.split(r'[\s",]+', file.readline(4096).decode("utf-8-sig", "replace")))
    year = "VOC" + 4 * "[0-9]"
    told = {
        "cardiac": "slices.csv" in names,
        "nih": any(root.glob("Data_Entry_2017*.csv")),
        "voc": any((*root.glob(year), *root.glob(f"VOCdevkit/{year}"))),
        "chexpert": "Path" in columns,
        "vindr": "image_id" in columns and "train.csv" in names,
    }
    if any(told.values()):
        return next(key for key, whether in told.items() if whether)
    found = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    looked_for = "; ".join(f"{one.told_by} ({one.name})" for one in LAYOUTS.values())
    raise UserError(f"{root}: found {found or 'nothing'}, no data set; looked for {looked_for}")


class Checked:
    """What was found in a set: ``problems``, a line each, and ``counts`` of what is there, by name."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.counts: dict[str, str] = {}

    def attempt(self, read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What ``read`` returns; None where it refused, which is a problem."""
        try:
            return read(*arguments, **options)
        except UserError as error:
            line = " ".join(str(error).split())
            self.problems += [line] if line not in self.problems else []
            return None


def check_set(root: Path, layout: str, images: int | None) -> Checked:
    """Read the set at ``root`` as a run would, and open ``images`` pictures, evenly chosen, or all."""
    from papers_lib.datasets import cardiac, image_sets, nih_cxr14, voc, voc_crops
    from papers_lib.datasets.chexpert import load_chexpert
    from papers_lib.datasets.fingerprint import data_kind
    from papers_lib.datasets.pictures import read_image, square

    found, splits, classes = Checked(), Counter[str](), Counter[str]()
    pictures: list[tuple[Path, str]] = []  # and where each is listed
    reader = image_sets.KINDS[layout].reader if layout in image_sets.KINDS else read_image
    found.counts["kind"] = found.attempt(data_kind, root) or "not known"
    if layout == "cardiac":
        table = found.attempt(cardiac.read_slices, root)
        for line, row in () if table is None else table.iterrows():
            splits[cardiac.SPLITS[row["split"]]] += 1
            classes[cardiac.CLASSES[row["class"]]] += 1
            files = [root / part / f"{row['id']}.png" for part in (cardiac.IMAGES, cardiac.MASKS)]
            pictures += [(file, f"{root / cardiac.TABLE} line {line}") for file in files]
        for split in splits:
            found.attempt(cardiac.load_cardiac, root, split)
    elif layout == "voc":
        for name in (found.attempt(voc.splits_of, root) or {}).values():
            split = found.attempt(voc.load_voc, root, name, mode="skip")
            found.problems += () if split is None else split.left_out
            for record in () if split is None else split.records:
                found.attempt(voc_crops.object_masks, record)
                classes.update(record.names)
                splits[name] += 1
                pictures.append((record.image, str(record.beside("Annotations", ".xml"))))
    else:
        if layout == "nih":  # each file on its own, so that a fault in one does not hide another's
            for part in (nih_cxr14.TRAIN_VAL, nih_cxr14.TEST):
                found.attempt(nih_cxr14.read_list, root / part)
            there = found.attempt(nih_cxr14.find_pictures, root) or {}
            pictures = [(path, str(path.parent)) for _, path in sorted(there.items())]
        views = {"views": "all"} if layout == "chexpert" else {}
        load = load_chexpert if layout == "chexpert" else image_sets.KINDS[layout].load
        boxed = found.attempt(load, root, **views) or found.attempt(load, root, missing="skip", **views)
        if boxed is not None:
            pictures = list(zip(boxed.paths, boxed.where, strict=True))
            splits.update(boxed.split.tolist())
            classes.update(dict(zip(boxed.classes, boxed.labels.sum(0).tolist(), strict=True)))
            found.counts["boxes"] = str(sum(map(len, boxed.boxes)))
            found.counts["patients"] = (
                "not known" if boxed.patients is None else str(len(set(boxed.patients)))
            )
    found.counts["classes"] = ", ".join(f"{name} {count}" for name, count in classes.items())
    found.counts["splits"] = ", ".join(f"{name or 'in none'} {count}" for name, count in splits.items())
    count = len(pictures)
    chosen = range(count) if images is None else [i * count // images for i in range(min(images, count))]

    def fault(number: int) -> str:
        try:
            square(reader(pictures[number][0]), 1, 1)
        except Exception as error:  # a decoder raises what it likes
            return f"{' '.join(str(error).split())} (listed in {pictures[number][1]})"
        return ""

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # decoders let other threads run
        bad = [line for line in pool.map(fault, chosen) if line]
    said = " ".join(found.problems)
    found.counts["pictures"] = f"{len(chosen) - len(bad)} of {len(chosen)} opened, of {count}"
    found.problems += [line for line in bad if line.split(": ")[0] not in said]
    return found


@app.callback()
def _data() -> None:
    """Keep `papers data` a group of commands."""


@app.command()
def check(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A data set in its published layout.")],
    images: Annotated[
        int | None, typer.Option(min=0, help="Pictures to open, evenly chosen; default: all.")
    ] = None,
    problems: Annotated[int, typer.Option(min=0, help="Problems to show.")] = 20,
) -> None:
    """Say which layout DIR has, read its annotations, open its pictures, list what is wrong and what runs on it.

    Exit code 0: nothing wrong; 1: problems; 2: no data set that is known.
    """
    layout = find_layout(root)
    about, found = LAYOUTS[layout], check_set(root, layout, images)
    typer.echo(f"{'layout':<10}{about.name} (by {about.told_by})")
    for name, what in found.counts.items():
        typer.echo(f"{name:<10}{what or 'none'}")
    count = len(found.problems)
    typer.echo(f"{'problems':<10}{count or 'none'}")
    for line in found.problems[:problems]:
        typer.echo(f"  {line}")
    if count > problems:
        typer.echo(f"  … and {count - problems} more (--problems {count})")
    for slug in about.notebooks:
        command = shlex.join(["papers", "run", slug, "--data-root", str(root)])
        typer.echo(f"{'run':<10}{command}{'   (when the problems are mended)' if found.problems else ''}")
    raise typer.Exit(1 if found.problems else 0)
