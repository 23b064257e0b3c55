"""What is kept: parts in one file, the table in words, and the timings of a page once all of its parts are known."""

import json

import pytest

from benchmarks import publish as module
from benchmarks.parts import Benchmark
from benchmarks.publish import described, lines, publish, read
from papers_lib.companion.render import timings_html
from papers_lib.errors import UserError
from papers_lib.files import write_json

STEP = {
    "key": "ce",
    "step": "CE + ce",
    "network": "net",
    "size": "batch 1",
    "median ms": 10.0,
    "ratio to CE": 1.25,
}
LOOP = {"key": "loop", "step": "a loop", "network": "net", "median ms": 3.0, "ratio": 7.0, "over": "ours"}
GIT = ("c" * 40, False)


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    """A paper of two parts, one that no page shows, and one whose rows are worded elsewhere."""
    found = {
        "paper": Benchmark(None, "batch 1", 1, "training step", "paper"),
        "loop": Benchmark(None, "loop: 3 maps", 1, "loops", "paper"),
        "other": Benchmark(None, "other things", None, "other"),
        "rates": Benchmark(
            None, "equal time", 1, "rates", lines=lambda rows: [LOOP | {"step": r["key"]} for r in rows]
        ),
    }
    monkeypatch.setattr(module, "PARTS", found)


def test_a_part_is_kept_with_its_machine():
    part = described("paper", "cpu", 1, ("c" * 40, True), [STEP])
    assert (part["commit"], part["dirty"], part["rows"]) == ("c" * 40, True, [STEP])
    assert set(part["machine"]) == {"cpu", "cores", "memory", "gpu", "torch"}
    assert part["machine"]["memory"].endswith(" GiB")


def test_a_page_gets_its_timings_once_all_parts_are_known(tmp_path):
    timings = tmp_path / "reports/full/paper.timings.json"
    assert publish("paper", described("paper", "cpu", 1, GIT, [STEP]), tmp_path) == (
        "reports/full/paper.timings.json waits for loop"
    )
    assert not timings.exists()
    assert publish("loop", described("loop", "cpu", 1, GIT, [LOOP]), tmp_path) == ""
    content = json.loads(timings.read_text())
    assert content["rows"] == [{k: v for k, v in STEP.items() if k != "size"}, LOOP]
    assert content["note"].startswith("Time of a training step, batch 1; loop: 3 maps; interleaved; ")
    html = timings_html(timings)
    for text in ("one CPU thread, torch ", "CE + ce", "1.250", "a loop"):
        assert text in html


def test_a_part_takes_the_place_of_its_older_rows_and_all_else_stays(tmp_path):
    whole = {"step": "the full profile", "minutes": 26.0}
    old = {"note": "old", "rates": {"rows": []}, "rows": [{"step": "old label", "median ms": 1.0}, whole]}
    path = write_json(tmp_path / "reports/full/paper.timings.json", old)
    for name, rows in (
        ("other", [LOOP]),
        ("paper", [STEP]),
        ("loop", [LOOP]),
        ("loop", [LOOP | {"ratio": 8.0}]),
    ):
        publish(name, described(name, "cpu", 1, GIT, rows), tmp_path)
    content = json.loads(path.read_text())
    assert [row["step"] for row in content["rows"]] == ["CE + ce", "a loop", "the full profile"]
    assert (content["rows"][1]["ratio"], content["rates"]) == (8.0, {"rows": []})
    parts = read(tmp_path / "benchmarks/results.json")
    assert list(parts) == ["paper", "loop", "other"]
    assert [one["ratio"] for one in lines(parts)] == ["1.250", "8.000", "7.000"]
    page = (tmp_path / "benchmarks/RESULTS.md").read_text()
    assert page.count("| a loop |") == 2


def test_rates_go_beside_the_rows_of_the_page(tmp_path):
    path = write_json(
        tmp_path / "reports/full/sibnet_calibration.timings.json",
        {"note": "steps", "rows": [{"key": "plain"}]},
    )
    publish("rates", described("rates", "cpu", 1, GIT, [{"key": "exact"}]), tmp_path)
    content = json.loads(path.read_text())
    assert (content["note"], content["rows"]) == ("steps", [{"key": "plain"}])
    assert content["rates"]["rows"] == [{"key": "exact"}]
    assert content["rates"]["note"].startswith("Equal time; ")
    assert "| rates | exact |" in (tmp_path / "benchmarks/RESULTS.md").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}', '{"parts": 3}'])
def test_results_of_another_kind(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UserError, match=r"results\.json: not results of benchmarks \("):
        read(tmp_path / "results.json")


def test_parts_of_two_machines_each_name_theirs(tmp_path):
    there = described("paper", "cpu", 1, GIT, [STEP]) | {"device": "A GPU"}
    publish("paper", there, tmp_path)
    publish("loop", described("loop", "cpu", 1, GIT, [LOOP]) | {"device": "A CPU"}, tmp_path)
    note = json.loads((tmp_path / "reports/full/paper.timings.json").read_text())["note"]
    assert (
        note.count("batch 1 (A GPU, one CPU thread") == note.count("loop: 3 maps (A CPU, one CPU thread") == 1
    )
