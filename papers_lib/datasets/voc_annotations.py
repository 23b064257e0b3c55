"""One annotation file of Pascal VOC: untrusted XML in, checked boxes out, each fault with a reason.

Format: Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit", section on
annotations: `<annotation><size/><object><name/><difficult/><truncated/><bndbox/></object>…`. Only the
children of an `<object>` itself count, so the boxes of body parts (`<part>`) are not taken for objects.
"""

import math
import os
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element, ParseError  # types only: parsing is defusedxml's

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from papers_lib.errors import UserError

MAX_BYTES = 1_000_000  # some 4000 objects; the largest annotation of VOC itself has a few dozen kilobytes
MAX_COORDINATE = 1e6  # beyond the side of any picture that is decoded here
MAX_NAME = 100
ROUNDING = 1.0  # pixels by which a box may leave the picture: writers that count from 0, or that round
FLAGS = {"": False, "0": False, "false": False, "unspecified": False, "1": True, "true": True}


class Reason(StrEnum):
    """Why an image or a box is left out."""

    LISTED_TWICE = "listed twice"
    BAD_ID = "bad image id"
    NO_ANNOTATION = "missing annotation"
    MALFORMED = "malformed annotation"
    EMPTY = "empty annotation"
    NO_IMAGE = "missing image"
    CORRUPT = "corrupt image"
    WRONG_SIZE = "size differs from the picture"
    BAD_NUMBER = "coordinate not a usable number"
    NO_AREA = "box without area"
    OUTSIDE = "box outside the picture"
    CLIPPED = "box clipped to the picture"
    DIFFICULT = "difficult box left out on request"
    NO_BOX_LEFT = "no usable box left"


class VocFault(UserError):
    """A problem of one file, as the one line for its reader and the reason under which it is counted."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class SkipReport:
    """What was left out of a split, counted by reason; in mode "strict" the first fault is raised instead.

    `listed` and `usable` count images; `images` and `boxes` map a reason to its count, `examples` to the
    first message seen.
    """

    mode: Literal["strict", "skip"] = "strict"
    listed: int = 0
    usable: int = 0
    images: Counter[Reason] = field(default_factory=Counter)
    boxes: Counter[Reason] = field(default_factory=Counter)
    examples: dict[Reason, str] = field(default_factory=dict)

    def image(self, fault: VocFault) -> None:
        """Count an image left out, or raise ``fault`` in mode "strict"."""
        self._note(self.images, fault)

    def box(self, fault: VocFault) -> None:
        """Count a box left out (or clipped), or raise ``fault`` in mode "strict"."""
        self._note(self.boxes, fault)

    def _note(self, counts: Counter[Reason], fault: VocFault) -> None:
        if self.mode == "strict":
            raise fault
        counts[fault.reason] += 1
        self.examples.setdefault(fault.reason, str(fault))

    def summary(self) -> str:
        """Return one line: images usable, then each reason with its count, the most frequent first."""
        parts = [f"{self.usable} of {self.listed} images usable"]
        for what, counts in (("image", self.images), ("box", self.boxes)):
            parts += [f"{what}: {reason} {n}" for reason, n in counts.most_common()]
        return "; ".join(parts)


@dataclass(frozen=True)
class VocObject:
    """One object as written: box (xmin … ymax) in VOC's 1-based inclusive pixels, row from 1, `<part>`s unread."""

    name: str
    box: tuple[float, float, float, float]
    difficult: bool
    truncated: bool
    row: int = 0
    parts: tuple[Element, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Annotation:
    """A parsed file: the size it states (None when absent or 0), its objects, and every class name in it.

    ``names`` and ``written`` (the number of `<object>` elements) also count objects that were refused, so
    that the list of classes does not depend on which boxes are usable.
    """

    size: tuple[int, int] | None
    objects: tuple[VocObject, ...]
    names: frozenset[str]
    written: int


def shown(text: object) -> str:
    """Quote ``text`` for a one-line message: control characters escaped, at most 60 characters.

    >>> shown("a\\nb")
    "'a\\\\nb'"
    """
    quoted = repr(str(text)[:61])
    return quoted if len(quoted) <= 62 else quoted[:59] + "…'"


def read_annotation(path: Path, report: SkipReport) -> Annotation:
    """Read and parse one file; see `parse_annotation`. A missing, unreadable or huge file is a `VocFault`."""
    if not os.path.isfile(path):  # also keeps pipes and devices from being waited for
        raise VocFault(Reason.NO_ANNOTATION, f"{path}: found no such file, expected a VOC annotation")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VocFault(Reason.NO_ANNOTATION, f"{path}: cannot be read ({error.strerror})") from error
    return parse_annotation(data, path, report)


def parse_annotation(data: bytes, source: str | Path, report: SkipReport) -> Annotation:
    """Parse the bytes of one annotation file; any DTD or entity is refused before it can expand.

    Args:
        data: the file's content.
        source: what messages call it.
        report: takes the faults of single objects (raised at once in mode "strict").

    Returns: the annotation; `objects` may be empty.

    Raises:
        VocFault: malformed XML, a DTD, more than 1 MB, a root other than `<annotation>`.
    """
    if len(data) > MAX_BYTES:
        raise VocFault(Reason.MALFORMED, f"{source}: found over {MAX_BYTES} bytes, expected fewer")
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise VocFault(Reason.MALFORMED, f"{source}: found a DTD, expected XML without one") from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that does not exist
        raise VocFault(Reason.MALFORMED, f"{source}: found {shown(error)}, expected XML") from error
    if root.tag != "annotation":
        raise VocFault(Reason.MALFORMED, f"{source}: found root {shown(root.tag)}, expected 'annotation'")
    elements, objects, names = root.findall("object"), [], set()
    for row, element in enumerate(elements, start=1):
        try:
            name = _text(element, "name")
            if not name or len(name) > MAX_NAME or not name.isprintable():
                raise VocFault(
                    Reason.MALFORMED,
                    f"{source}: object {row}: found name {shown(name)}, expected 1 to {MAX_NAME} characters",
                )
            names.add(name)
            objects.append(read_object(element, name, f"{source}: object {row} ({shown(name)})", row))
        except VocFault as fault:
            report.box(fault)
    return Annotation(_size(root), tuple(objects), frozenset(names), len(elements))


def read_object(element: Element, name: str, where: str, row: int = 0) -> VocObject:
    """Read box and flags of an `<object>` or a `<part>`; a missing or unusable one is a `VocFault`."""
    box = element.find("bndbox")
    if box is None:
        raise VocFault(Reason.MALFORMED, f"{where}: no <bndbox>, expected xmin, ymin, xmax, ymax")
    values = tuple(_number(_text(box, key), f"{where}: {key}") for key in ("xmin", "ymin", "xmax", "ymax"))
    flags = {}
    for key in ("difficult", "truncated"):
        text = _text(element, key).lower()
        if text not in FLAGS:
            raise VocFault(Reason.MALFORMED, f"{where}: found {key} {shown(text)}, expected 0 or 1")
        flags[key] = FLAGS[text]
    parts = tuple(element.findall("part"))
    return VocObject(name, (values[0], values[1], values[2], values[3]), row=row, parts=parts, **flags)


def _text(element: Element, key: str) -> str:
    return (element.findtext(key) or "").strip()


def _number(text: str, where: str) -> float:
    try:
        value = float(text) if len(text) <= 50 else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_COORDINATE:  # also false for NaN
        raise VocFault(
            Reason.BAD_NUMBER, f"{where}: found {shown(text)}, expected a number up to {MAX_COORDINATE:.0f}"
        )
    return value


def _size(root: Element) -> tuple[int, int] | None:
    texts = _text(root, "size/width"), _text(root, "size/height")
    if not all(text.isdecimal() and len(text) < 10 for text in texts):
        return None
    width, height = int(texts[0]), int(texts[1])
    return (width, height) if width and height else None  # some tools write 0 for "unknown"


def pixel_box(item: VocObject, size: tuple[int, int], where: str, report: SkipReport) -> np.ndarray:
    """Convert a box to 0-based pixel edges and fit it to the picture.

    VOC counts pixels from 1 and includes the last one; here a box is (x_min, y_min, x_max, y_max) with
    x_min = xmin - 1 and x_max = xmax: the edges of its pixels counted from 0, so that the width is
    x_max - x_min and `array[y_min:y_max, x_min:x_max]` is the crop. A box that reaches out by at most one
    pixel is clipped silently; one that reaches out farther is clipped and counted in mode "skip".

    Returns: float32 array (4,).

    Raises:
        VocFault: no area (xmin ≥ xmax or ymin ≥ ymax), wholly outside, or reaching out in mode "strict".

    >>> pixel_box(VocObject("cat", (1, 1, 20, 10), False, False), (20, 10), "a.xml", SkipReport()).tolist()
    [0.0, 0.0, 20.0, 10.0]
    """
    found = "({:g}, {:g}, {:g}, {:g})".format(*item.box)
    if item.box[0] >= item.box[2] or item.box[1] >= item.box[3]:
        raise VocFault(Reason.NO_AREA, f"{where}: found box {found}, expected xmin < xmax and ymin < ymax")
    box = np.array(item.box, dtype=np.float32) - np.array((1, 1, 0, 0), dtype=np.float32)
    limit = np.array(size * 2, dtype=np.float32)
    fitted = np.clip(box, 0, limit)
    expected = f"expected it inside 1…{size[0]} x 1…{size[1]}"
    if not (fitted[:2] < fitted[2:]).all():
        raise VocFault(Reason.OUTSIDE, f"{where}: found box {found} outside the picture, {expected}")
    if np.abs(fitted - box).max() > ROUNDING:
        report.box(
            VocFault(Reason.CLIPPED, f"{where}: found box {found} reaching out of the picture, {expected}")
        )
    return fitted
