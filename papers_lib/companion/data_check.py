"""``papers data check``: a data set read as a run would read it, and every picture opened, before a long run."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from papers_lib.companion.data_layouts import LAYOUTS
from papers_lib.companion.data_readers import Listed, read_set
from papers_lib.datasets.image_pixels import square
from papers_lib.errors import UserError

EVERY = 3.0  # seconds between two lines of progress
CHUNK = 64  # pictures handed to the threads at once


class Checked(NamedTuple):
    """What was found: name and finding of each thing counted, and the problems, a line each."""

    counts: dict[str, str]
    problems: list[str]


def check_set(root: Path, layout: str, images: int | None, say: Callable[[str], None]) -> Checked:
    """Read the annotations of the set at ``root`` through its adapter, and open its pictures.

    Args:
        root: folder of the set.
        layout: a key of ``data_layouts.LAYOUTS``.
        images: open only so many pictures, evenly over the list; None opens all.
        say: takes a line of progress every few seconds.
    """
    say(f"reading the annotations of {LAYOUTS[layout].name}")
    found = read_set(root, layout)
    count = len(found.pictures)
    chosen = range(count) if images is None else [i * count // images for i in range(min(images, count))]
    bad = list(_faults(found, [found.pictures[i] for i in chosen], say))
    named = {line.split(": ")[0].split(" (")[0] for line in found.problems}  # the adapter named it already
    new = [line for path, line in bad if str(path) not in named]
    opened = f"{len(chosen) - len(bad)} of {len(chosen)} opened" + (
        f", of {count}" if len(chosen) < count else ""
    )
    return Checked({**found.counts, "pictures": opened}, [*found.problems, *new])


def _faults(
    found: Listed, pictures: list[tuple[Path, str]], say: Callable[[str], None]
) -> Iterator[tuple[Path, str]]:
    """Each picture that cannot be used with its line, in the order of the list."""
    last = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # decoders let other threads run
        for start in range(0, len(pictures), CHUNK):
            chunk = pictures[start : start + CHUNK]
            lines = pool.map(partial(_fault, found.reader), chunk)
            yield from ((path, line) for (path, _), line in zip(chunk, lines, strict=True) if line)
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                say(f"opened {min(start + CHUNK, len(pictures))} of {len(pictures)} pictures")


def _fault(reader: Callable[[Path], Image.Image], picture: tuple[Path, str]) -> str:
    path, where = picture
    try:
        square(reader(path), 1, 1)
    except UserError as error:
        return f"{' '.join(str(error).split())} (listed in {where})"
    except Exception as error:  # as image_store: a decoder raises what it likes
        return f"{path}: cannot be decoded ({type(error).__name__}), expected a picture (listed in {where})"
    return ""


def report(root: Path, layout: str, checked: Checked, limit: int) -> Iterator[str]:
    """The lines to print: layout, counts, problems (at most ``limit``), and the commands of the notebooks."""
    about = LAYOUTS[layout]
    yield f"{'layout':<10}{about.name} (by {about.told_by})"
    for name, finding in checked.counts.items():
        yield f"{name:<10}{finding}"
    yield f"{'problems':<10}{len(checked.problems) or 'none'}"
    for line in checked.problems[:limit]:
        yield f"  {line}"
    if len(checked.problems) > limit:
        yield f"  … and {len(checked.problems) - limit} more (--problems {len(checked.problems)} shows all)"
    for slug in about.notebooks:
        command = shlex.join(["papers", "run", slug, "--data-root", str(root)])
        yield f"{'run':<10}{command}{'' if not checked.problems else '   (when the problems are mended)'}"
