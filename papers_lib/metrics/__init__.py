# fmt: off
# ruff: noqa: F401, I001
"""Measures: of classification, of calibration, of maps against boxes, masks and the model itself."""

from papers_lib.metrics.calibration import (
    Isotonic, Platt, Temperature, fit_isotonic, fit_platt, fit_temperature,
)
from papers_lib.metrics.calibration_error import (
    EceFloor, Range, Reliability, bin_sums, bins_of, brier, confidence_ece, ece, ece_floor,
    reliability, top_label_ece,
)
from papers_lib.metrics.classification import ClassMeans, GmeanThresholds, auroc, best_gmean_thresholds
from papers_lib.metrics.deletion import (
    ALREADY_NEGATIVE, FLIPPED, MaskedOut, NEVER, deletion_area, deletion_curve, masked_out,
    mean_masked_out_area, random_order_maps,
)
from papers_lib.metrics.heatmap_iou import HeatmapIou, heatmap_iou, mean_iou
from papers_lib.metrics.localization import (
    PointHits, chance, class_mean_centre, fixed_point_hits, point_hits, point_localization,
    reachable, stride_ceiling,
)
from papers_lib.metrics.overlap import best_cell_share, box_mask, heat_share, hot_cells, resize_maps
from papers_lib.metrics.sharpness import (
    HIGHER_IS_SHARPER, MEASURES, cam_entropy, coefficient_of_variation, dead_maps, dispersion,
    ellipsoidal_area, heat, normalized_cam_entropy,
)
