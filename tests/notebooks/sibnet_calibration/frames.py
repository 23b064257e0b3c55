"""Rows of the tidy Sibnet frame made by hand."""

from dataclasses import asdict

import pandas as pd

from tests.notebooks.sibnet_calibration.runs import RUN


def model(setting, arm="losses", seed=0, data="first", status="ok", after=(), **fields):
    """Rows of one model: with its measures before calibration, then one for each calibrator in ``after``.

    Args: after, calibrator to its measures; fields, of the run or measures.
    """
    same = {**asdict(RUN), "arm": arm, "setting": setting, "seed": seed, "data": data, "status": status}
    runs = {key: value for key, value in fields.items() if key in same}
    same |= runs
    measures = {key: value for key, value in fields.items() if key not in runs}
    rows = [{**same, "calibrator": "none", **measures}]
    return rows + [{**same, "calibrator": name, **found} for name, found in dict(after).items()]


def frame_of(*models):
    return pd.DataFrame([row for rows in models for row in rows])
