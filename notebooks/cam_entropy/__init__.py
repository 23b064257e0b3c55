"""CAM entropy: Schöttl (arXiv 2009.12546, 2020), the code that its notebook calls.

The paper adds the entropy of the true class's Grad-CAM map to a classifier's loss, weighted by β, so that its maps get
sharper. It shows two models, β = 0 and β = 100, and reports sharper maps at a moderate loss of accuracy. Here many
settings are trained with several seeds, maps that die are counted, and it is measured whether sharper maps are better.
"""
