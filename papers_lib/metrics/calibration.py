"""Calibration: the public names of this package's modules on it, in one place (report, sections 3.6, 4.2.2 and 4.7).

Measures: :func:`reliability` (the diagram), :func:`ece` and its other readings, :func:`ece_floor` (what chance
alone gives), :func:`brier`. Calibrators, each fitted on a split of its own and then applied by
``.probabilities(logits)``: :func:`fit_temperature`, :func:`fit_softmax_temperature`, :func:`fit_platt`,
:func:`fit_isotonic`.

>>> import torch
>>> logits, labels = torch.tensor([[2.0], [2.0], [2.0], [-2.0]]), torch.tensor([[1], [1], [0], [0]])
>>> calibrated = fit_temperature(logits, labels).probabilities(logits)  # 3/4, 3/4, 3/4, 1/4
>>> [round(ece(p, labels, bins=2).item(), 4) for p in (logits.sigmoid(), calibrated)]
[0.1904, 0.125]
"""

from papers_lib.metrics.brier import Brier, brier
from papers_lib.metrics.calibration_error import confidence_ece, ece, mce, top_label_ece
from papers_lib.metrics.ece_floor import EceFloor, ece_floor
from papers_lib.metrics.isotonic import Isotonic, fit_isotonic
from papers_lib.metrics.platt import Platt, fit_platt
from papers_lib.metrics.reliability import Reliability, reliability
from papers_lib.metrics.temperature import (
    SoftmaxTemperature,
    Temperature,
    fit_softmax_temperature,
    fit_temperature,
)

__all__ = [
    "Brier",
    "EceFloor",
    "Isotonic",
    "Platt",
    "Reliability",
    "SoftmaxTemperature",
    "Temperature",
    "brier",
    "confidence_ece",
    "ece",
    "ece_floor",
    "fit_isotonic",
    "fit_platt",
    "fit_softmax_temperature",
    "fit_temperature",
    "mce",
    "reliability",
    "top_label_ece",
]
