"""A user's script meets this first: timm beside a CPU-only torch."""

import subprocess
import sys


def test_timm_and_torchvision_import_after_papers_lib():
    """In a process of its own: imports of other tests must not help."""
    script = (
        "import papers_lib, sys\n"
        "assert 'torch' not in sys.modules, 'papers_lib itself must stay quick to import'\n"
        "import timm, torchvision\n"
        "from papers_lib import torchvision_ops as ops\n"
        "assert ops.declare_missing() == [], 'a second call has nothing left to declare'\n"
        "print(timm.create_model('vgg11', num_classes=2) is not None)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr[-800:]
