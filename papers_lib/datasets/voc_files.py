"""The files of a Pascal VOC tree: its folders and years, its lists of images, its pictures."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from papers_lib.datasets.voc_annotations import Reason, VocFault, shown
from papers_lib.errors import UserError

SPLITS = ("train", "val", "trainval", "test")
SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")  # VOC's own is the first
FORMATS = ("JPEG", "PNG")  # what is decoded, whatever the suffix says


@dataclass(frozen=True)
class VocIndex:
    """The years found under a root: `folders` maps 2012 to …/VOC2012."""

    root: Path
    folders: dict[int, Path]

    @classmethod
    def find(cls, root: str | Path) -> "VocIndex":
        """Look for VOC folders in ``root`` and in ``root``/VOCdevkit; none is a `UserError`."""
        root = Path(root)
        for base in (root, root / "VOCdevkit"):
            try:
                found = sorted(os.listdir(base)) if os.path.isdir(base) else []
            except OSError as error:
                raise UserError(f"{base}: cannot be read ({error.strerror}), expected a VOCdevkit") from error
            years = [n for n in found if re.fullmatch(r"VOC[0-9]{4}", n) and os.path.isdir(base / n)]
            if years:
                return cls(root, {int(name[3:]): base / name for name in years})
        hint = ": give the folder above it" if os.path.isdir(root / "Annotations") else ""
        raise UserError(f"{root}: found no VOC2007 or VOC2012 folder, expected a VOCdevkit{hint}")

    def lists(self, split: str, years: Sequence[int] | None) -> dict[int, Path]:
        """Return the list file of ``split`` for each of ``years`` (default: every year that has one)."""
        if split not in SPLITS:
            raise UserError(f"split: found {shown(split)}, expected one of {', '.join(SPLITS)}")
        if isinstance(years, int | str):
            raise UserError(f"years: found {shown(years)}, expected a list such as [2007, 2012]")
        files = {y: p / "ImageSets" / "Main" / f"{split}.txt" for y, p in self.folders.items()}
        files = {year: path for year, path in files.items() if os.path.isfile(path)}
        wanted = sorted(files if years is None else set(years))
        missing = [year for year in wanted if year not in files]
        if missing or not wanted:
            has = ", ".join(map(str, files)) or "none"
            what = f"for {missing[0]} " if missing else ""
            raise UserError(
                f"{self.root}: found no list ImageSets/Main/{split}.txt {what}(years that have it: {has})"
            )
        return {year: files[year] for year in wanted}


def read_picture(path: Path) -> Image.Image:
    """Decode a picture as RGB, pixels as stored (an EXIF rotation is not applied: boxes refer to the file).

    Raises:
        VocFault: missing, truncated or otherwise not decodable.
    """
    with _opened(path) as image:
        return image.convert("RGB")


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error …
        what = shown(str(error).replace(str(path), path.name))
        raise VocFault(Reason.CORRUPT, f"{path}: cannot be decoded ({what}), expected JPEG or PNG") from error


def image_ids(path: Path) -> list[str]:
    """Return the image names of a list file, blank lines left out; an unreadable file is a `UserError`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({shown(error)}), expected one image name a line") from error
    return [line.strip() for line in lines if line.strip()]


def check_id(image_id: str, seen: set[str], path: Path) -> None:
    """Raise a `VocFault` for a name that leads out of the folder or is in ``seen``; then add it there."""
    if not image_id.isprintable() or re.search(r"[/\\]", image_id) or len(image_id.encode()) > 200:
        raise VocFault(
            Reason.BAD_ID, f"{path}: found {shown(image_id)}, expected an image name without folder"
        )
    if image_id in seen:
        raise VocFault(Reason.LISTED_TWICE, f"{path}: found {shown(image_id)} twice, expected it once")
    seen.add(image_id)


def find_picture(folder: Path, image_id: str, decode: bool) -> tuple[Path, tuple[int, int]]:
    """Return path and (width, height) of a picture: from its header, or from its pixels if ``decode``.

    Raises:
        VocFault: missing, or not decodable.
    """
    paths = [folder / "JPEGImages" / f"{image_id}{suffix}" for suffix in SUFFIXES]
    path = next((path for path in paths if os.path.isfile(path)), None)
    if path is None:
        raise VocFault(Reason.NO_IMAGE, f"{paths[0]}: found no such file, expected the picture")
    if decode:
        return path, read_picture(path).size
    with _opened(path) as image:
        return path, image.size
