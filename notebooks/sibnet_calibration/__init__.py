"""Sharma and Pradeep 2023: two losses on saliency maps, losses against class imbalance, and calibration.

A chest radiograph classifier is trained on cross entropy plus class distinctiveness and spatial coherence of its own
Grad-CAM maps, on focal and AUC margin losses, or with several inputs (MIMO). One temperature calibrates the result.

experiment.py trains one model (data.py, measures.py); grid.py has every comparison, built from parameters.py.
"""
