import json

import pytest
import torch

from benchmarks import __main__ as module
from benchmarks.__main__ import Benchmark, main
from papers_lib.companion.render import timings_html
from papers_lib.files import write_json

STEP = {"key": "ce", "step": "CE + ce", "median ms": 10.0, "ratio to CE": 1.25}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with two papers whose tables take no time; which ran on how many threads."""
    ran = []

    def table(name):
        def rows(device):
            ran.append((name, device, torch.get_num_threads()))
            return [STEP]

        return rows

    papers = {"one": Benchmark(table("one"), "batch 1", 1), "all": Benchmark(table("all"), "batch 2", None)}
    monkeypatch.setattr(module, "BENCHMARKS", papers)
    monkeypatch.setattr(module, "repo_root", lambda: tmp_path)
    monkeypatch.setattr(module, "threads", lambda: 2)
    before = torch.get_num_threads()
    yield tmp_path / "reports/full", ran
    torch.set_num_threads(before)


def test_all_papers_each_on_its_threads_and_nothing_written_unasked(repository, capsys):
    folder, ran = repository
    main(["--device", "cpu"])
    assert ran == [("one", "cpu", 1), ("all", "cpu", 2)]
    assert not folder.exists()
    printed = capsys.readouterr().out
    assert "one: Time of a training step, batch 1; interleaved; " in printed
    assert ", one CPU thread, torch " in printed
    assert ", 2 CPU threads, torch " in printed


def test_publish_writes_what_the_page_shows(repository):
    folder, ran = repository
    main(["all", "--device", "cpu", "--publish"])
    assert [name for name, *_ in ran] == ["all"]
    assert [path.name for path in folder.iterdir()] == ["all.timings.json"]
    html = timings_html(folder / "all.timings.json")
    for text in ("batch 2", "2 CPU threads", "CE + ce", "1.250"):
        assert text in html


def test_publish_keeps_rows_that_time_no_step(repository):
    folder, _ = repository
    whole = {"step": "the full profile", "minutes": 26.0}
    write_json(folder / "one.timings.json", {"rows": [{"step": "old", "median ms": 1.0}, whole]})
    main(["one", "--device", "cpu", "--publish"])
    assert json.loads((folder / "one.timings.json").read_text())["rows"] == [STEP, whole]


def test_unknown_slug(repository, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["pylon"])
    assert "slug: found 'pylon', expected one of one, all" in capsys.readouterr().err
    assert repository[1] == []


def test_the_papers_are_those_with_a_page():
    assert set(module.BENCHMARKS) == {"cam_entropy", "heatmap_loss", "pylon", "sibnet_calibration"}
