"""Losses, CAMs, models and metrics of four papers, and what remakes their reports.

Public names: ``from papers_lib.losses import heatmap_loss``; likewise ``metrics``, ``models`` and ``stats``.
Importing this package lets torchvision and timm import beside a CPU-only torch: see ``torchvision_ops``.
"""

from papers_lib import torchvision_ops

__version__ = "0.1.0"

torchvision_ops.install()
