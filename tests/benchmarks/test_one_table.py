"""Rows of every kind become lines of the same columns; both forms of the table hold all of them."""

from benchmarks.one_table import COLUMNS, line, markdown, number, text, thread_words

STEP = {
    "key": "ce",
    "step": "CE + ce",
    "network": "ResNet-50",
    "size": "batch 2",
    "median ms": 9.96,
    "ratio to CE": 0.977,
    "quartiles of the ratio": "0.90 to 1.00",
}
PART = {
    "what": "batch 2",
    "threads": 1,
    "date": "2026-11-21T17:33:54Z",
    "commit": "a" * 40,
    "dirty": False,
    "machine": {"cpu": "CPU A", "cores": 2, "memory": "8 GiB", "gpu": "", "torch": "2.13.0"},
}


def test_a_row_whose_ratio_names_what_it_stands_against():
    assert list(line("training step", STEP).values()) == [
        *("training step", "CE + ce", "ResNet-50, batch 2", "9.96", "ms", "0.977", "0.90 to 1.00", "CE")
    ]


def test_a_row_with_a_column_of_its_own_for_that():
    row = {"step": "two", "network": "net", "value": 1234.5, "unit": "models an hour"}
    found = line("models", row | {"ratio": 1.5, "over": "one process"})
    assert list(found.values()) == [
        "models",
        "two",
        "net",
        "1234",
        "models an hour",
        "1.500",
        "",
        "one process",
    ]
    assert [line("models", row)[name] for name in ("ratio", "against")] == ["", ""]


def test_numbers_have_three_digits():
    assert [number(x) for x in (0.01234, 9.996, 12.34, 123.4, 54089.2)] == [
        "0.0123",
        "10",
        "12.3",
        "123",
        "54089",
    ]


def test_text_is_aligned_and_names_a_section_once():
    long = STEP | {"step": "CE + a longer term", "median ms": 12345.6}
    lines = [line("one", STEP), line("one", long), line("two", STEP)]
    shown = text(lines).splitlines()
    assert [row.split("|")[0].strip() for row in shown] == ["section", "one", "", "two"]
    assert len({tuple(i for i, c in enumerate(row) if c == "|") for row in shown}) == 1


def test_markdown_has_machines_parts_and_every_line():
    other = PART | {"machine": PART["machine"] | {"gpu": "GPU B"}, "dirty": True, "threads": 2}
    page = markdown([line("one", STEP | {"step": "a | b"})], {"x": PART, "y": other, "z": PART})
    assert "- **CPU A, 2 cores, 8 GiB, no GPU, torch 2.13.0**: x, z\n" in page
    assert "- **CPU A, 2 cores, 8 GiB, GPU B, torch 2.13.0**: y\n" in page
    assert f"- `x`: batch 2 (one CPU thread; 2026-11-21, commit {'a' * 12})\n" in page
    assert f"(2 CPU threads; 2026-11-21, commit {'a' * 12}+)\n" in page
    rows = [row for row in page.splitlines() if row.startswith("|")]
    assert rows[0] == f"| {' | '.join(COLUMNS)} |"
    assert "a \\| b" in rows[2]
    assert len(rows) == 3


def test_threads_in_words():
    assert [thread_words(count) for count in (1, 2)] == ["one CPU thread", "2 CPU threads"]
