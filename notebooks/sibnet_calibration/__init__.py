"""Sharma and Pradeep 2023: two losses on saliency maps, losses against class imbalance, and calibration.

A chest radiograph classifier is trained on cross entropy plus class distinctiveness and spatial coherence of its own
Grad-CAM maps. Focal and AUC margin losses and a network with several inputs (MIMO) are trained beside it. One
temperature calibrates the result; here every calibration error stands beside its noise floor.

experiment.py   one model: its config, its losses on labels and maps, its training (losses.py, measures.py)
data.py         sets and inputs;  grid.py: every comparison, built from parameters.py
calibration.py  the runs as one table, calibrators, noise floors, reliability diagrams;  similarity.py: maps compared
tables.py, figures.py, drawing.py   what the page shows;  printed.py, printed/: what the report prints;  claims.yaml
"""
