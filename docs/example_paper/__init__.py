"""A worked example to replace piece by piece: label smoothing lowers a network's confidence."""
