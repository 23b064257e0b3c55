import pytest
import torch

from benchmarks import __main__ as module
from benchmarks import parts, publish
from benchmarks.__main__ import main
from benchmarks.parts import Benchmark
from papers_lib.errors import UserError

STEP = {"key": "ce", "step": "CE + ce", "network": "net", "median ms": 10.0, "ratio to CE": 1.25}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder, and parts that take no time; which ran where, on how many threads, with what."""
    ran = []

    def table(name):
        def rows(device, **options):
            ran.append((name, device, torch.get_num_threads(), *options.values()))
            if name == "broken":
                raise UserError("net.csv: found nothing, expected a row")
            return [STEP | {"step": name}]

        return rows

    found = {
        "one": Benchmark(table("one"), "batch 1", 1, "steps", "one"),
        "notebooks": Benchmark(table("notebooks"), "whole notebooks", 0, "seconds"),
        "two": Benchmark(table("two"), "batch 2", None, "steps"),
        "broken": Benchmark(table("broken"), "nothing", 1, "none", asked=True),
    }
    for where in (module, parts, publish):
        monkeypatch.setattr(where, "PARTS", found)
    monkeypatch.setattr(module, "repo_root", lambda: tmp_path)
    monkeypatch.setattr(module, "threads", lambda: 2)
    before = torch.get_num_threads()
    yield tmp_path, ran
    torch.set_num_threads(before)


def test_one_table_of_all_parts_each_on_its_threads_and_nothing_written_unasked(repository, capsys):
    folder, ran = repository
    main(["--device", "cpu"])
    assert ran == [("one", "cpu", 1), ("notebooks", "cpu", 1, ""), ("two", "cpu", 2)]
    assert list(folder.iterdir()) == []
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("section ")
    assert [row.split("|")[1].strip() for row in rows] == ["one", "notebooks", "two"]


def test_publish_keeps_what_is_done_before_a_part_fails(repository, capsys):
    folder, _ = repository
    with pytest.raises(SystemExit, match="1"):
        main(["broken", "one", "--device", "cpu", "--publish"])
    assert capsys.readouterr().err.endswith("benchmarks: net.csv: found nothing, expected a row\n")
    assert list(publish.read(folder / "benchmarks/results.json")) == ["one"]
    assert (folder / "reports/full/one.timings.json").is_file()


def test_notebooks_are_measured_where_that_is_asked_for(repository):
    _, ran = repository
    main(["one", "--notebooks", "smoke", "--device", "cpu"])
    assert [(name, *rest) for name, _, _, *rest in ran] == [("one",), ("notebooks", "smoke")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pylon"], "part: found 'pylon', expected one of one, notebooks, two, broken"),
        (["--notebooks", "full"], "--notebooks: found 'full', expected smoke or quick"),
    ],
)
def test_what_does_not_exist(repository, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err
    assert repository[1] == []
