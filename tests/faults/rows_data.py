"""Data that are not what they should be, read through the adapters behind ``papers run --data-root``."""

import csv
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from papers_lib.datasets import cardiac, image_store, tabular, voc_annotations, voc_files
from tests.faults import releases
from tests.faults.bench import Bench
from tests.faults.rows import NOTEBOOK, PAGE, RUNS, Observed, Row

BOMB = """<!DOCTYPE lolz [<!ENTITY a "cat"><!ENTITY b "&a;&a;&a;">]>
<annotation><object><name>&b;</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>
</object></annotation>"""


def _broken(make: Callable[[Path], Path], spoil: Callable[[Path], object]) -> Callable[[Bench], Observed]:
    """A run on a release that ``spoil`` has been at."""

    def provoke(bench: Bench) -> Observed:
        root = make(bench.root / "release")
        spoil(root)
        return bench.observed_run("--data-root", str(root))

    return provoke


def _row(name: str, provoke: Callable, line: str, disarm: Callable, unhandled: str) -> Row:
    said = f"papers: toy: failed: {line}"
    expected = Observed(1, (said,), "failed", (PAGE, RUNS, NOTEBOOK), "done, 2 computed")
    return Row(name, provoke, expected, disarm, unhandled)


def _cut(name: str) -> Callable[[Path], object]:
    def cut(root: Path) -> None:
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])

    return cut


def _write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes(content)


def _huge_png() -> bytes:
    """A PNG of a few bytes that says it has 40,000 x 40,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def _boxed(xmin: str, xmax: str) -> Callable[[Path], object]:
    text = f"<annotation>{releases.object_xml('cat', (xmin, 2, xmax, 20))}</annotation>"
    return lambda root: releases.annotation(root, text)


def _headers_opened_plainly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(voc_files, "_opened", Image.open)


def _slices_opened_plainly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cardiac, "_read_png", lambda path, *_: np.array(Image.open(path)))


def _store_opens_plainly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(image_store, "write_images", _with_plain_reader(image_store.write_images))


def _with_plain_reader(write: Callable) -> Callable:
    return lambda *arguments, **options: write(*arguments, **options, reader=Image.open)


def _plain_tables(patch: pytest.MonkeyPatch) -> None:
    def rows(path: Path, required: object) -> list[tabular.Row]:
        return [tabular.Row(path, 0, record) for record in csv.DictReader(path.open())]

    patch.setattr(cardiac, "read_rows", rows)


def _plain_xml(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(voc_annotations, "fromstring", lambda data, forbid_dtd: ElementTree.fromstring(data))


def _any_number(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(voc_annotations, "_number", lambda text, where: float(text))


_VOC = "…/release/VOCdevkit/VOC2012"
ROWS = [
    _row(
        "truncated JPEG",
        _broken(releases.voc, _cut("VOC2012/JPEGImages/b.jpg")),
        f"{_VOC}/JPEGImages/b.jpg: cannot be decoded ('image file is truncated (128 bytes not processed)'), "
        f"expected a PNG or JPEG picture (listed in {_VOC}/Annotations/b.xml)",
        _store_opens_plainly,
        "cannot be decoded (OSError",
    ),
    _row(
        "truncated PNG",
        _broken(releases.cardiac, _cut("images/b.png")),
        "…/release/images/b.png (…/release/slices.csv line 3): not a readable PNG image, expected 8-bit grey",
        _slices_opened_plainly,
        "UnidentifiedImageError",
    ),
    _row(
        "decompression bomb",
        _broken(releases.voc, _write("VOC2012/JPEGImages/b.jpg", _huge_png())),
        f"{_VOC}/JPEGImages/b.jpg: cannot be decoded ('Image size (1600000000 pixels) exceeds limit of 178956970 …'), "
        "expected JPEG or PNG",
        _headers_opened_plainly,
        "DecompressionBombError: Image size",
    ),
    _row(
        "image of zero bytes",
        _broken(releases.nih, _write("images/00000003_000.png", b"")),
        '…/release/images/00000003_000.png: cannot be decoded ("cannot identify image file '
        "'00000003_000.png'\"), expected a PNG or JPEG picture (listed in …/release/Data_Entry_2017.csv line 5)",
        _store_opens_plainly,
        "UnidentifiedImageError",
    ),
    _row(
        "malformed CSV",
        _broken(releases.cardiac, _write("slices.csv", b"id,split,class,sex\na,train,NOR,M\nb,train,HCM\n")),
        "…/release/slices.csv line 3: found 3 values, expected 4 as in the header",
        _plain_tables,
        "line 0: sex: found None",
    ),
    _row(
        "entity bomb in XML",
        _broken(releases.voc, lambda root: releases.annotation(root, BOMB)),
        f"{_VOC}/Annotations/b.xml: found a DTD, expected XML without one",
        _plain_xml,
        "code=0",
    ),
    _row(
        "huge number in XML",
        _broken(releases.voc, _boxed("1e400", "30")),
        f"{_VOC}/Annotations/b.xml: object 1 ('cat'): xmin: found '1e400', expected a number up to 1000000",
        _any_number,
        "found box (inf, ",
    ),
    _row(
        "NaN box in XML",
        _broken(releases.voc, _boxed("2", "NaN")),
        f"{_VOC}/Annotations/b.xml: object 1 ('cat'): xmax: found 'NaN', expected a number up to 1000000",
        _any_number,
        "found box (2, 2, nan, ",
    ),
]
