"""Losses, CAMs, models and metrics of four papers, and the machinery that regenerates their reports.

Nothing is re-exported here: import the module you need (``from papers_lib.losses.heatmap import
heatmap_loss``), so that a cached result depends only on the code it really used.
"""

__version__ = "0.1.0"
