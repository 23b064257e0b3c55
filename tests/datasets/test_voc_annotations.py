"""VOC annotations from hostile files: nothing but a `VocFault`, and only boxes inside the picture."""

from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.voc_annotations import Reason, SkipReport, VocFault, parse_annotation, pixel_box

SIZE = (40, 30)


def written(name, box, flag):
    keys = ("xmin", "ymin", "xmax", "ymax")
    corners = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in zip(keys, box, strict=True))
    return (
        f"<object><name>{escape(name)}</name><difficult>{flag}</difficult><bndbox>{corners}</bndbox></object>"
    )


SMALL = st.integers(-5, 60)  # listed twice, so that whole boxes come up often
NUMBERS = st.one_of(SMALL, SMALL, st.floats(-5, 60), st.floats(), st.just(10**400), st.text(max_size=5))
BOXES = st.one_of(st.tuples(SMALL, SMALL, SMALL, SMALL), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
NAMES = st.one_of(st.sampled_from(["cat", "dog"]), st.text(max_size=8))
OBJECTS = st.builds(written, NAMES, BOXES, st.sampled_from(["0", "1", "", "?"]))
TREES = st.lists(OBJECTS, max_size=3).map(lambda found: f"<annotation>{''.join(found)}</annotation>".encode())
HEADS = st.sampled_from([b"<annotation>", b"<?xml ", b"<!DOCTYPE "])
HEADED = st.builds(lambda head, tail: head + tail, HEADS, st.binary(max_size=80))


@settings(max_examples=150, deadline=None)
@given(st.one_of(TREES, HEADED, st.binary(max_size=200)))
def test_arbitrary_bytes_raise_only_user_errors_and_boxes_that_pass_are_inside(data):
    for mode in ("strict", "skip"):
        report, found, boxes, message = SkipReport(mode), None, [], ""
        try:
            found = parse_annotation(data, "x.xml", report)
            boxes = [pixel_box(item, SIZE, "x.xml", report) for item in found.objects]
        except VocFault as fault:
            message = str(fault)
        assert len(message.splitlines()) <= 1
        for x_min, y_min, x_max, y_max in boxes:
            assert 0 <= x_min < x_max <= SIZE[0]
            assert 0 <= y_min < y_max <= SIZE[1]
        if boxes:
            refused = sum(n for reason, n in report.boxes.items() if reason is not Reason.CLIPPED)
            assert found.written == len(found.objects) + refused


def test_deep_nesting_ends():
    deep = b"<annotation>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</annotation>"
    assert parse_annotation(deep, "deep.xml", SkipReport()).objects == ()
