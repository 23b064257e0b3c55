"""YAML read strictly: each slip is one line with its place, and no file unfolds or hangs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers_lib.companion.yaml_files import any_mapping, mapping, parse_yaml, read_yaml, show
from papers_lib.errors import UserError
from tests.fuzz import damaged, fuzzed, no_hang, refused

PLAIN = (
    "name: demo\nlist: [1, 2.5, {a: x, b: null}]\nblock: |\n  two\n  lines\nnumbers:\n  - 1.0e-9\n  - -3\n"
)
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12))
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 9)}]}}\n" for k in range(1, 12)
)


def test_what_is_there_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text(PLAIN)
    content = read_yaml(tmp_path / "a.yaml")
    assert content["list"] == [1, 2.5, {"a": "x", "b": None}]
    assert content["numbers"] == [1e-9, -3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\n", r"^a\.yaml, line 2: "),
        (b"\xff\xfe\x00", r"^a\.yaml: is not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", r"^a\.yaml, line 3: key 'a' twice$"),
        (b"a: &x 1\nb: *x\n", r"^a\.yaml, line 2: found the alias \*x, expected the value itself$"),
        (LAUGHS.encode(), r"found the alias \*a0"),
        (MERGES.encode(), r"found the alias \*a0"),
        (b"a: " + b"9" * 5000, r"^a\.yaml: not YAML \(ValueError: Exceeds the limit"),
        (b"a: 1\nb: -1" + b"0" * 400, r"^a\.yaml, line 2: found a number of 401 digits, expected fewer$"),
        (b"a: 2001-13-45", r"^a\.yaml: not YAML \(ValueError: month must be in 1\.\.12"),
        (b"a: !!timestamp x", r"^a\.yaml: not YAML \(AttributeError"),
        (b"[" * 2000, r"^a\.yaml: nested too deep"),
        (b"- " * 2000, r"^a\.yaml: nested too deep"),
        (b"a: !!python/object/apply:os.system [ls]", r"^a\.yaml, line 1: could not determine a constructor"),
        (b"a: \0", r"^a\.yaml: not YAML$"),
        (b"? [a]\n: 1\n", r"^a\.yaml, line 1: found unhashable key"),
    ],
)
@pytest.mark.timeout(20)
def test_a_file_that_is_no_plain_yaml(tmp_path, content, said):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"a\.yaml: cannot be read"):
        read_yaml(tmp_path / "a.yaml")


@no_hang
@given(
    damaged(
        PLAIN.encode(), (b"!!int x", b"!!binary", b"!!set {a}", b"<<: 1", b"%YAML 9", b"&a {b: *a}", b"1:60")
    )
)
@fuzzed
def test_fuzzed_text_is_a_value_or_one_line(content):
    refused(lambda: parse_yaml(content.decode("utf-8", "replace"), "a.yaml"), "a.yaml")


@given(st.recursive(st.text() | st.integers(), st.lists, max_leaves=20))
@fuzzed
def test_what_is_shown_is_short_and_one_line(value):
    assert len(show(value)) <= 60
    assert "\n" not in show(value)


def test_a_mapping_is_read():
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
