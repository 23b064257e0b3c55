# fmt: off
# ruff: noqa: F401, I001
"""Loss functions; each is a pure function on tensors, or a module where there is state to keep."""

from papers_lib.losses.auc_margin import AucMargin, auc_margin_loss
from papers_lib.losses.cam_sharpness import SharpnessTerm, cam_sharpness_loss
from papers_lib.losses.class_distinctiveness import (
    SampledPairs, class_distinctiveness, class_distinctiveness_loss, sample_pairs,
)
from papers_lib.losses.heatmap import dead_share, heatmap_loss, shrink_mask, sigmoid_cce, sigmoid_mse
from papers_lib.losses.imbalance import balance_weights, focal_loss, weighted_bce
from papers_lib.losses.multi_instance import mil_cell_logit, mil_logits
from papers_lib.losses.pesg import PESG
from papers_lib.losses.published_coherence import published_coherence
from papers_lib.losses.saliency_images import as_images, scaled
from papers_lib.losses.spatial_coherence import components, otsu_threshold, spatial_coherence
