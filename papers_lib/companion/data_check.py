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
    """A layout: its name, the files that tell it, the column that their header must have, and who reads it."""

    name: str
    files: tuple[str, ...]
    column: str
    notebooks: tuple[str, ...]

    @property
    def told_by(self) -> str:
        return " or ".join(self.files) + (f" with a column {self.column}" if self.column else "")


LAYOUTS = {
    "cardiac": Layout("cardiac slices", ("slices.csv",), "", ("heatmap_loss",)),
    "nih": Layout("NIH ChestX-ray14", ("Data_Entry_2017*.csv",), "", ("pylon", "sibnet_calibration")),
    "voc": Layout("Pascal VOC", ("VOC????", "VOCdevkit/VOC????"), "", ("cam_entropy", "pylon")),
    "chexpert": Layout("CheXpert", ("train.csv", "*/train.csv"), "Path", ("sibnet_calibration",)),
    "vindr": Layout("VinDr-CXR", ("train.csv",), "image_id", ("pylon",)),
}


def find_layout(root: Path) -> str:
    """Which of ``LAYOUTS`` the folder ``root`` has, by names and one header; none is a `UserError`."""
    try:
        names = sorted(name for name in os.listdir(root) if not name.startswith("."))
    except OSError as error:
        raise UserError(f"{root}: cannot be read ({error.strerror}), expected a folder of data") from error
    for key, one in LAYOUTS.items():
        paths = (path for pattern in one.files for path in root.glob(pattern))
        if any(not one.column or one.column in _columns(path) for path in paths):
            return key
    found = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    looked_for = "; ".join(f"{one.told_by} ({one.name})" for one in LAYOUTS.values())
    raise UserError(f"{root}: found {found or 'nothing'}, no data set; looked for {looked_for}")


def _columns(path: Path) -> list[str]:
    with path.open("rb") as file:
        return re.split(r'[\s",]+', file.readline(4096).decode("utf-8-sig", "replace"))


def check_set(root: Path, layout: str, images: int | None) -> tuple[list[str], dict[str, str]]:
    """Read the set at ``root`` as a run would, and open ``images`` pictures, evenly chosen, or all.

    Returns: problems, a line each; and counts of what is there, by name.
    """
    from papers_lib.datasets import cardiac, image_sets, nih_cxr14, voc, voc_crops
    from papers_lib.datasets.chexpert import load_chexpert
    from papers_lib.datasets.fingerprint import data_kind
    from papers_lib.datasets.pictures import read_image, square

    problems: list[str] = []

    def attempt(read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What ``read`` returns; None where it refused, which is a problem."""
        try:
            return read(*arguments, **options)
        except UserError as error:
            problems.append(" ".join(str(error).split()))

    counts = {"kind": attempt(data_kind, root) or "not known"}
    splits, classes = Counter[str](), Counter[str]()
    pictures: list[tuple[Path, str]] = []  # and where each is listed
    if layout == "cardiac":
        table = attempt(cardiac.read_slices, root)
        for line, row in () if table is None else table.iterrows():
            splits[cardiac.SPLITS[row["split"]]] += 1
            classes[cardiac.CLASSES[row["class"]]] += 1
            files = [root / part / f"{row['id']}.png" for part in (cardiac.IMAGES, cardiac.MASKS)]
            pictures += [(file, f"{root / cardiac.TABLE} line {line}") for file in files]
        for split in splits:
            attempt(cardiac.load_cardiac, root, split)
    elif layout == "voc":
        for name in (attempt(voc.splits_of, root) or {}).values():
            if listed := attempt(voc.load_voc, root, name, mode="skip"):
                problems += listed.left_out
                splits[name] = len(listed)
                for record in listed.records:
                    attempt(voc_crops.object_masks, record)
                    classes.update(record.names)
                    pictures.append((record.image, str(record.beside("Annotations", ".xml"))))
    else:
        if layout == "nih":  # each file on its own, so that a fault in one does not hide another's
            for part in (nih_cxr14.TRAIN_VAL, nih_cxr14.TEST):
                attempt(nih_cxr14.read_list, root / part)
            there = attempt(nih_cxr14.find_pictures, root) or {}
            pictures = [(path, str(path.parent)) for _, path in sorted(there.items())]
        load = load_chexpert if layout == "chexpert" else image_sets.KINDS[layout].load
        views = {"views": "all"} if layout == "chexpert" else {}
        boxed = attempt(load, root, **views) or attempt(load, root, missing="skip", **views)
        if boxed is not None:
            pictures = list(zip(boxed.paths, boxed.where, strict=True))
            splits.update(boxed.split.tolist())
            classes.update(dict(zip(boxed.classes, boxed.labels.sum(0).tolist(), strict=True)))
            patients = "not known" if boxed.patients is None else str(len(set(boxed.patients)))
            counts |= {"boxes": str(sum(map(len, boxed.boxes))), "patients": patients}
    for name, counted in (("classes", classes), ("splits", splits)):
        counts[name] = ", ".join(f"{key or 'in none'} {number}" for key, number in counted.items())
    count = len(pictures)
    chosen = range(count) if images is None else [i * count // images for i in range(min(images, count))]

    reader = image_sets.KINDS[layout].reader if layout in image_sets.KINDS else read_image

    def fault(number: int) -> str:
        path, where = pictures[number]
        try:
            square(reader(path), 1, 1)
        except Exception as error:  # a decoder raises what it likes
            return f"{' '.join(str(error).split())} (listed in {where})"
        return ""

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # decoders let other threads run
        bad = [line for line in pool.map(fault, chosen) if line]
    said = " ".join(problems)
    counts["pictures"] = f"{len(chosen) - len(bad)} of {len(chosen)} opened, of {count}"
    problems += [line for line in bad if line.split(": ")[0] not in said]
    return [*dict.fromkeys(problems)], counts


@app.callback()
def _data() -> None:
    """Keep `papers data` a group of commands."""


@app.command()
def check(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A data set in its published layout.")],
    images: Annotated[int | None, typer.Option(min=0, help="Pictures to open, evenly chosen; default: all.")] = None,
    problems: Annotated[int, typer.Option(min=0, help="Problems to show.")] = 20,
) -> None:  # fmt: skip
    """Say which layout DIR has, read its annotations, open its pictures, list what is wrong and what runs on it.

    Exit code 0: nothing wrong; 1: problems; 2: no data set that is known.
    """
    layout = find_layout(root)
    about, (wrong, counts) = LAYOUTS[layout], check_set(root, layout, images)
    count = len(wrong)
    facts = {"layout": f"{about.name} (by {about.told_by})", **counts, "problems": count}
    lines = [f"{name:<10}{what or 'none'}" for name, what in facts.items()]
    lines += [f"  {line}" for line in wrong[:problems]]
    lines += [f"  … and {count - problems} more (--problems {count})"] if count > problems else []
    for slug in about.notebooks:
        command = shlex.join(["papers", "run", slug, "--data-root", str(root)])
        lines.append(f"{'run':<10}{command}{'   (when the problems are mended)' if count else ''}")
    typer.echo("\n".join(lines))
    raise typer.Exit(1 if count else 0)
