"""Printed numbers are read strictly: each slip in a file is one line that names the place."""

import pytest

from papers_lib.errors import UserError
from papers_lib.experiments.printed_yaml import any_mapping, load, mapping


def test_what_is_there_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("text: {x: 0.5}\n")
    content = mapping(load(tmp_path / "a.yaml"), "a.yaml", ("text",), ("source",))
    assert any_mapping(content["text"], "text") == {"x": 0.5}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\n", r"^a\.yaml, line 2: "),
        (b"\xff\xfe\x00", r"^a\.yaml"),
    ],
)
def test_a_file_that_is_no_yaml(tmp_path, content, said):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        load(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"a\.yaml: cannot be read"):
        load(tmp_path / "a.yaml")


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
