from heatmap_loss.receptive_fields import field_table


def test_fields_by_hand():
    """VGG16 to block5_conv3: r = 1 + 2·(1·2) + 1 + 2·(2·2) + 2 + 3·(2·4) + 4 + 3·(2·8) + 8 + 3·(2·16) = 196."""
    table = field_table().set_index("network")
    assert table.loc["VGG16", "receptive field"] == "196 x 196"
    assert table.loc["small VGG", "receptive field"] == "76 x 76"
    assert table["stride"].tolist() == [16, 16]
    assert table.loc["VGG16", "mean share of the image"] > 0.9
