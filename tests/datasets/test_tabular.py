import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_lib.datasets.tabular import read_rows
from papers_lib.errors import UserError


def read(tmp_path, content: bytes, required=("id", "class")):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    return read_rows(path, required)


def test_rows_know_their_line(tmp_path) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbfid, class,more\r\n a,x ,1\r\n\r\n"b, c",y,"2\r\n3"\r\n')
    assert [row.values for row in rows] == [
        {"id": "a", "class": "x", "more": "1"},
        {"id": "b, c", "class": "y", "more": "2\r\n3"},
    ]
    assert [row.line for row in rows] == [2, 5]
    assert rows[0].where.endswith("t.csv line 2")
    assert rows[1]["id"] == "b, c"
    assert rows[1].choice("class", ["x", "y"]) == "y"
    with pytest.raises(UserError, match=r"t\.csv line 5: class: found 'y', expected one of x, empty$"):
        rows[1].choice("class", ["x", ""])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv line 1: found columns nothing, expected also id, class"),
        (b"id,kind\n1,2\n", "t.csv line 1: found columns id, kind, expected also class"),
        (b"id,class,id\n1,2,3\n", "t.csv line 1: found column 'id' twice, expected it once"),
        (b"id,class\n", "t.csv: found a header and no rows, expected at least one"),
        (b"id,class\n1,2\n3\n", "t.csv line 3: found 1 values, expected 2 as in the header"),
        (b"id,class\n1,2,3\n", "t.csv line 2: found 3 values, expected 2 as in the header"),
        (b'id,class\n1,"2\n', "t.csv line 2: not comma-separated values"),
        (b"id,class\n1,\xe9\n", "t.csv: not UTF-8 (byte"),
    ],
)
def test_a_bad_file_is_named(tmp_path, content: bytes, message: str) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path, content)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_or_a_folder_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match=r"none\.csv: no such file, expected a table with id"):
        read_rows(tmp_path / "none.csv", ["id"])
    with pytest.raises(UserError, match="cannot be read"):
        read_rows(tmp_path, ["id"])


@given(content=st.one_of(st.binary(max_size=60), st.text('id,class"\n\r x', max_size=40).map(str.encode)))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_rows_or_one_line_of_error(tmp_path_factory, content: bytes) -> None:
    rows, message = [], ""
    try:
        rows = read(tmp_path_factory.mktemp("csv"), b"id,class\n" + content)
    except UserError as error:
        message = str(error)
    assert "\n" not in message
    assert bool(rows) != bool(message)
    assert all(set(row.values) == {"id", "class"} for row in rows)
