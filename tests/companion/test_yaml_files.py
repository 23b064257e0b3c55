"""YAML read strictly: each slip is one line with its place, and no file unfolds or hangs."""

import pytest
from hypothesis import given

from papers_lib.companion.yaml_files import parse_yaml, read_yaml, show
from papers_lib.errors import UserError
from tests.fuzz import damaged, fuzzed, no_hang, refused

PLAIN = "list: [1, 2.5, {a: x, b: null}]\nblock: |\n  two\n  lines\nnumbers:\n  - 1.0e-9\n  - -3\n"
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12))
EDITS = (b"!!int x", b"!!binary", b"!!set {a}", b"<<: 1", b"%YAML 9", b"&a {b: *a}", b"1:60")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\n", r"^a\.yaml, line 2: "),
        (b"\xff\xfe\x00", r"^a\.yaml: is not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", r"^a\.yaml, line 3: key 'a' twice$"),
        (LAUGHS.encode(), r"^a\.yaml, line 2: found an alias, expected the value itself$"),
        (b"a: &x {k: 1}\nb: {<<: *x}\n", r"^a\.yaml, line 2: found an alias"),
        (b"a: " + b"9" * 5000, r"^a\.yaml: not plain YAML \(ValueError: Exceeds the limit"),
        (b"[" * 2000, r"^a\.yaml: not plain YAML \(RecursionError"),
        (b"a: !!python/object/apply:os.system [ls]", r"^a\.yaml, line 1: could not determine a constructor"),
        (b"? [a]\n: 1\n", r"^a\.yaml, line 1: found unhashable key"),
    ],
)
@pytest.mark.timeout(20)
def test_a_file_that_is_no_plain_yaml(tmp_path, content, said):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert "\n" not in str(caught.value)


def test_a_plain_file_and_one_that_is_not_there(tmp_path):
    (tmp_path / "a.yaml").write_text(PLAIN)
    content = {"list": [1, 2.5, {"a": "x", "b": None}], "block": "two\nlines\n", "numbers": [1e-9, -3]}
    assert read_yaml(tmp_path / "a.yaml") == content
    with pytest.raises(UserError, match=r"b\.yaml: cannot be read"):
        read_yaml(tmp_path / "b.yaml")


@no_hang
@given(damaged(PLAIN.encode(), EDITS))
@fuzzed
def test_fuzzed_text_is_a_value_or_one_line(content):
    refused(lambda: parse_yaml(content.decode("utf-8", "replace"), "a.yaml"), "a.yaml")


def test_what_is_shown_is_short_and_one_line():
    assert show("a\n" * 99) == "'" + "a\\n" * 18 + "a\\..."
