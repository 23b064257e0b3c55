"""Heatmap loss: Callanan et al. (IMVIP 2022), the code that its notebook calls.

The paper adds the share of a HiResCAM map that lies outside the heart to the loss of a classifier of cardiac MRI
slices. It reports more heat in the heart, less on a label that gives away the patient's sex, and equal accuracy.
Here the groups are matched, the control without the term is added, and pixels are changed beside looking at maps.
"""
