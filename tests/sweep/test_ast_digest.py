import pytest

from papers_lib.errors import UserError
from papers_lib.sweep.ast_digest import module_digest, source_digest

PLAIN = "class A:\n    def f(self):\n        return 'text'\n"


@pytest.mark.parametrize(
    "prose",
    [
        "# a comment\n" + PLAIN,
        '"""A module."""\n' + PLAIN,
        'class A:\n    """A class."""\n\n    def f(self):\n        """A method."""\n        return "text"\n',
        PLAIN.replace("'text'", "(\n            'text'\n        )"),
    ],
)
def test_prose_and_layout_do_not_count(prose: str) -> None:
    assert source_digest(prose) == source_digest(PLAIN)


@pytest.mark.parametrize(
    "changed", [PLAIN.replace("text", "texts"), PLAIN.replace("A", "B"), PLAIN + "x = 1\n", ""]
)
def test_any_change_of_the_code_counts(changed: str) -> None:
    assert source_digest(changed) != source_digest(PLAIN)


def test_a_function_of_a_docstring_alone_still_has_a_digest() -> None:
    assert source_digest('def f():\n    "only this"\n') != source_digest("")


def test_a_string_that_is_no_docstring_counts() -> None:
    assert source_digest("x = 1\n'loose'\n") != source_digest("x = 1\n")


def test_module_digest_reads_the_file(tmp_path) -> None:
    path = tmp_path / "a.py"
    path.write_text(PLAIN)
    assert module_digest(path) == source_digest(PLAIN)
    assert len(module_digest(path)) == 64


@pytest.mark.parametrize("content", [b"def f(:\n", b"\xff\xfe\xfa", b"x = 1\0"])
def test_a_file_that_is_no_python_is_named(tmp_path, content: bytes) -> None:
    path = tmp_path / "broken.py"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.py: "):
        module_digest(path)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match=r"absent\.py: cannot be read"):
        module_digest(tmp_path / "absent.py")
