"""Pictures of a VOC tree that are damaged."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from papers_lib.datasets.voc_files import read_picture
from papers_lib.errors import UserError

SIZE = (40, 30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_pictures_raise_only_user_errors(tmp_path, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG"]))
    path = tmp_path / "a.jpg"
    Image.new("RGB", SIZE, (9, 99, 199)).save(path, format=kind)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(UserError):
        assert read_picture(path).mode == "RGB"
