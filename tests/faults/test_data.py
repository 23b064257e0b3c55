"""Data that are not what they should be, read as an experiment reads them."""

import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest

from papers_lib.errors import UserError
from tests.faults import releases
from tests.faults.table import row

BOMB = """<!DOCTYPE lolz [<!ENTITY a "cat"><!ENTITY b "&a;&a;&a;">]>
<annotation><object><name>&b;</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>
</object></annotation>"""


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


@pytest.mark.parametrize(
    ("fault", "make", "spoil"),
    [
        ("truncated JPEG", releases.voc, _cut("VOC2012/JPEGImages/b.jpg")),
        ("truncated PNG", releases.cardiac, _cut("images/b.png")),
        ("decompression bomb", releases.voc, _write("VOC2012/JPEGImages/b.jpg", _huge_png())),
        ("image of zero bytes", releases.nih, _write("images/00000003_000.png", b"")),
        (
            "malformed CSV",
            releases.cardiac,
            _write("slices.csv", b"id,split,class,sex\na,train,NOR,M\nb,train,HCM\n"),
        ),
        ("entity bomb in XML", releases.voc, lambda root: releases.annotation(root, BOMB)),
        ("huge number in XML", releases.voc, _boxed("1e400", "30")),
        ("NaN box in XML", releases.voc, _boxed("2", "NaN")),
    ],
)
def test_it_is_refused_in_one_line(tmp_path, fault, make, spoil):
    root = make(tmp_path / "release")
    spoil(root)
    with pytest.raises(UserError) as caught:
        releases.read(root, tmp_path / "store")
    assert "\n" not in str(caught.value)
    row(fault).check(str(caught.value))
