"""What one cell of the last map can see, for the small VGG and for VGG16."""

import pandas as pd
import torch

from papers_lib.models.vgg_cardiac import field_share, receptive_field, small_vgg, vgg16


def field_table() -> pd.DataFrame:
    """Receptive field and stride in pixels, and the share of the image inside it, averaged over the cells."""
    with torch.device("meta"):  # shapes only: nothing of VGG16's 15 million parameters is made
        large = vgg16(None, pretrained=False)
    networks = {"small VGG": small_vgg(torch.Generator()), "VGG16": large}
    rows = []
    for name, network in networks.items():
        field, stride = receptive_field(network.convolutions)
        rows.append((name, f"{field} x {field}", stride, field_share(network.convolutions)))
    return pd.DataFrame(rows, columns=["network", "receptive field", "stride", "mean share of the image"])
