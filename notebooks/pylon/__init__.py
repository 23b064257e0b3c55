"""The paper of Preechakul et al. (iScience 25:103933, 2022), made again.

A small decoder, PYLON, refines a classifier's last features with its finer ones, so that the class activation map has
stride 4 in place of 32; its global maximum is the logit, so that image labels alone train it. Pointed at boxes, it is
said to beat the CAM baseline and decoders of segmentation, most of all on small objects. Here PYLON, its parts and its
competitors are trained alike, on synthetic radiographs or the real sets, and each claim is judged by a fixed rule.

Read in this order:

    experiment.py   one model: config, training in one or two phases, ``run``
    data.py         the image sets, their parts, stored features of the frozen encoder
    measures.py     point localization, IoU, masked-out area, AUROC of a trained model
    parameters.py   the notebook's parameters: types, ranges, help
    grid.py         every comparison: which configs, on which set (``plan``), and their training (``run_plan``)
    frame.py        all runs as one table, and how rows are chosen from it
    baselines.py    chance, priors and ceilings of strides
    tables.py, figures.py, heatmaps.py, drawing.py    what the page shows
    printed.py      the paper's numbers, from printed/*.csv
    claims.yaml     the paper's claims and our observations, each with its rule
"""
