"""Printed numbers are read strictly: each slip in a file is one line that names the place."""

import pytest

from papers_lib.companion.printed_yaml import any_mapping, mapping
from papers_lib.errors import UserError


def test_what_is_there_is_read():
    content = mapping({"text": {"x": 0.5}}, "a.yaml", ("text",), ("source",))
    assert any_mapping(content["text"], "text") == {"x": 0.5}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"a": 1}, "x: found no 'b', expected a, b"),
        ({"a": 1, "b": 2, "d": 3}, "x: found 'd', expected a, b, c"),
        ([1], r"x: found \[1\], expected a mapping"),
    ],
)
def test_keys_are_those_declared(entry, said):
    with pytest.raises(UserError, match=f"^{said}$"):
        mapping(entry, "x", ("a", "b"), ("c",))
