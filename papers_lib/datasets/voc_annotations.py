"""One annotation file of Pascal VOC (the development kit's format): untrusted XML in, checked boxes out."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError  # types only: parsing is defusedxml's

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from papers_lib.datasets.tabular import bounded_number, shown
from papers_lib.errors import UserError

MAX_BYTES = 1_000_000  # some 4000 objects; the largest annotation of VOC itself has a few dozen kilobytes
MAX_NAME = 100
ROUNDING = 1.0  # pixels by which a box may leave the picture: writers that count from 0, or that round
CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = {"": False, "0": False, "false": False, "unspecified": False, "1": True, "true": True}


def leave_out(error: UserError, left_out: list[str] | None) -> None:
    """Note what is wrong with a box or an image in ``left_out``; where that is None, raise it."""
    if left_out is None:
        raise error
    left_out.append(str(error))


@dataclass(frozen=True)
class VocObject:
    """One object as written: box in VOC's 1-based inclusive pixels, row in the file from 1, `<part>`s unread."""

    name: str
    box: tuple[float, ...]
    difficult: bool
    truncated: bool
    row: int = 0
    parts: tuple[Element, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Annotation:
    """A parsed file; names and number count refused objects too: the classes must not depend on what is usable."""

    size: tuple[int, int] | None  # as the file states it; None when absent or 0
    objects: tuple[VocObject, ...]
    names: frozenset[str]
    written: int


def read_annotation(path: Path, left_out: list[str] | None) -> Annotation:
    """Read one annotation file, a DTD refused before it expands; faults of single objects go to ``left_out``."""
    if not os.path.isfile(path):  # also keeps pipes and devices from being waited for
        raise UserError(f"{path}: found no such file, expected a VOC annotation")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), expected a VOC annotation") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: found over {MAX_BYTES} bytes, expected fewer")
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UserError(f"{path}: found a DTD, expected XML without one") from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that does not exist
        raise UserError(f"{path}: found {shown(error)}, expected XML") from error
    if root.tag != "annotation":
        raise UserError(f"{path}: found root {shown(root.tag)}, expected 'annotation'")
    elements, objects, names = root.findall("object"), [], set()
    for row, element in enumerate(elements, start=1):
        where = f"{path}: object {row}"
        try:
            name = _text(element, "name")
            if not name or len(name) > MAX_NAME or not name.isprintable():
                raise UserError(f"{where}: found name {shown(name)}, expected 1 to {MAX_NAME} characters")
            names.add(name)
            objects.append(read_object(element, name, f"{where} ({shown(name)})", row))
        except UserError as error:
            leave_out(error, left_out)
    texts = _text(root, "size/width"), _text(root, "size/height")
    numbers = all(text.isdecimal() and len(text) < 10 for text in texts)
    width, height = (int(texts[0]), int(texts[1])) if numbers else (0, 0)  # some tools write 0 for "unknown"
    size = (width, height) if width and height else None
    return Annotation(size, tuple(objects), frozenset(names), len(elements))


def read_object(element: Element, name: str, where: str, row: int = 0) -> VocObject:
    """Read box and flags of an `<object>` or a `<part>`; a missing or unusable one is a `UserError`."""
    box = element.find("bndbox")
    if box is None:
        raise UserError(f"{where}: no <bndbox>, expected {', '.join(CORNERS)}")
    values = []
    for key in CORNERS:
        text = _text(box, key)
        try:
            values.append(bounded_number(text))
        except ValueError:
            raise UserError(f"{where}: {key}: found {shown(text)}, expected a number up to 1000000") from None
    flags = {}
    for key in ("difficult", "truncated"):
        text = _text(element, key).lower()
        if text not in FLAGS:
            raise UserError(f"{where}: found {key} {shown(text)}, expected 0 or 1")
        flags[key] = FLAGS[text]
    return VocObject(name, tuple(values), row=row, parts=tuple(element.findall("part")), **flags)


def _text(element: Element, key: str) -> str:
    return (element.findtext(key) or "").strip()


def pixel_box(item: VocObject, size: tuple[int, int], where: str, left_out: list[str] | None) -> np.ndarray:
    """Convert a box to 0-based pixel edges and fit it to the picture, float32 (4,).

    VOC counts pixels from 1 and includes the last one; here x_min = xmin - 1 and x_max = xmax. A box that reaches out
    is clipped, and noted in ``left_out`` if by more than a pixel; one without area is a `UserError`.

    >>> pixel_box(VocObject("cat", (1, 1, 20, 10), False, False), (20, 10), "a.xml", None).tolist()
    [0.0, 0.0, 20.0, 10.0]
    """
    found = "{}: found box ({:g}, {:g}, {:g}, {:g})".format(where, *item.box)
    if item.box[0] >= item.box[2] or item.box[1] >= item.box[3]:
        raise UserError(f"{found}, expected xmin < xmax and ymin < ymax")
    box = np.array(item.box, dtype=np.float32) - np.array((1, 1, 0, 0), dtype=np.float32)
    fitted = np.clip(box, 0, np.array(size * 2, dtype=np.float32))
    expected = f"expected it inside 1…{size[0]} x 1…{size[1]}"
    if not (fitted[:2] < fitted[2:]).all():
        raise UserError(f"{found} outside the picture, {expected}")
    if np.abs(fitted - box).max() > ROUNDING:
        leave_out(UserError(f"{found} reaching out of the picture, {expected}"), left_out)
    return fitted
