"""The paper of Preechakul et al. (iScience 25:103933, 2022), made again.

A small decoder, PYLON, refines a classifier's last features with its finer ones, so that the class activation map has
stride 4 in place of 32; its global maximum is the logit, so that image labels alone train it. ``experiment`` trains
one model from what ``data`` gives, ``measures`` points it at boxes; ``parameters`` and ``grid`` say which models there
are. ``frame``, ``baselines``, ``printed``, ``tables``, ``figures`` and ``heatmaps`` make the page.
"""
