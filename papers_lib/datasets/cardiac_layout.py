"""Names of the short-axis cardiac data set on disk, shared by its adapter and its generator.

The layout itself is described in ``papers_lib.datasets.cardiac``.
"""

CLASSES = ("NOR", "HCM", "DCM", "ARV")
"""Normal, hypertrophic, dilated and arrhythmogenic right ventricular cardiomyopathy; a class is its index."""

BACKGROUND, LV_CAVITY, LV_WALL, RV_CAVITY, RV_WALL, SEX_LABEL = range(6)
LABELS = {
    "background": BACKGROUND,
    "LV cavity": LV_CAVITY,
    "LV wall": LV_WALL,
    "RV cavity": RV_CAVITY,
    "RV wall": RV_WALL,
    "sex label": SEX_LABEL,
}
"""Values of a mask; the heart is 1 to 4, the sex label is in synthetic slices only."""

SPLITS = ("train", "val", "test")
COLUMNS = ("id", "split", "class", "sex")
TABLE, DESCRIPTION, IMAGES, MASKS = "slices.csv", "dataset.json", "images", "masks"
