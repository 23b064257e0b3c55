"""Every comparison of the Sibnet notebook: which models it trains, on which set, and the names of what was trained."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from papers_lib.companion import paths
from papers_lib.datasets.boxed_images import BoxedImages
from papers_lib.sweep import Part, Record, say, sweep
from papers_lib.training import pick_device, precision_of
from sibnet_calibration.data import Opened, Source, open_source, stored
from sibnet_calibration.experiment import SibnetRun, run
from sibnet_calibration.parameters import SCRATCH, Parameters

FIRST = ("losses", "saliency", "mimo", "rates", "backbones", "weights")
"""Comparisons on the first data set; "imbalance" has the set "rare", "mapping" one a way of ``MAPPINGS``."""
MAPPINGS = ("common", "zeros", "ones")
"""Ways to read uncertain labels beside the report's; see ``papers_lib.datasets.chexpert.load_chexpert``."""
SHARED = {field.name for field in fields(SibnetRun)} & {*Parameters.model_fields} - {"distinct", "coherent"}
"""Parameters that every run has."""
NAMES = {
    "bce": "cross entropy",
    "wbce": "weighted cross entropy",
    "focal": "focal loss",
    "auc_adam": "DeepAUC, Adam",
    "auc_adam_ascending": "DeepAUC, Adam with ascent",
    "auc_pesg": "DeepAUC, PESG",
    "auc_pesg_two_stage": "DeepAUC, PESG after cross entropy",
    "cd": "custom loss (class distinctiveness)",
    "cd_two_stage": "modified pipeline (class distinctiveness)",
    "sc": "spatial coherence",
    "sc_two_stage": "spatial coherence, two stages",
    "cd_sc": "full loss",
    "cd_sc_two_stage": "full loss, two stages",
    "cd_raw_two_stage": "distinctiveness of raw maps, two stages",
    "sc_published_two_stage": "published coherence, two stages",
}
"""Names of settings for readers, the report's where it has one."""


def base_run(chosen: Parameters, **changes: object) -> SibnetRun:
    """The run that all others vary."""
    return SibnetRun(seed=0, **{**{name: getattr(chosen, name) for name in SHARED}, **changes})


def runs_of(arm: str, chosen: Parameters) -> list[SibnetRun]:
    """The runs of one comparison, setting by setting, every seed of a setting together."""
    base = base_run(chosen, arm=arm)
    plain = [base, replace(base, loss="focal"), replace(base, loss="auc", optimizer="pesg")]
    variants: list[SibnetRun] = []  # of the saliency terms, with fewer seeds

    def staged(one: SibnetRun) -> SibnetRun:
        return replace(one, first_epochs=int(one.epochs * chosen.first_share))

    if arm == "losses":  # Tables 4.2 and 4.3; the report has DeepAUC with Adam, PESG was made for it
        settings = plain
        if not chosen.quick_rows:  # PESG after cross entropy, as the loss's own paper trains it
            settings += [replace(base, loss="auc", optimizer=name) for name in ("adam", "adam_ascending")]
            settings.append(staged(replace(plain[2], first_loss="bce")))
    elif arm in ("saliency", "weights"):  # Table 4.1 with the rows that the report lacks; λ1 and λ2
        base = replace(base, loss="wbce", epochs=chosen.saliency_epochs)
        cd, sc = replace(base, distinct=chosen.distinct), replace(base, coherent=chosen.coherent)
        both = replace(cd, coherent=chosen.coherent)
        if arm == "weights":
            settings = [staged(replace(base, distinct=value)) for value in chosen.distincts]
            settings += [staged(replace(base, coherent=value)) for value in chosen.coherents]
        elif chosen.quick_rows:
            settings = [base, staged(cd)]
        else:
            settings = [base, cd, staged(cd), sc, staged(sc), both, staged(both)]
            variants = [staged(replace(cd, encoded=False)), staged(replace(sc, variant="published"))]
    elif arm == "mimo":  # section 3.5, all trained; an epoch shows each image ``repetition`` times
        epochs = max(1, round(base.epochs / base.repetition)) * base.repetition
        base = replace(base, train_from="", epochs=epochs)
        settings = [base, *(replace(base, inputs=inputs) for inputs in chosen.mimo)]
    elif arm == "rates":  # Figures 4.3 and 4.4, trained for long (section 4.4)
        base = replace(base, loss="wbce", distinct=chosen.distinct, epochs=chosen.long_epochs)
        rates = [replace(base, learning_rate=rate) for rate in chosen.rates]
        dropouts = [replace(base, dropout=dropout) for dropout in chosen.dropouts]
        settings = list(dict.fromkeys([*rates, *dropouts]))
    elif arm == "backbones":  # Figure 4.5 and section 4.5; "random initial weights" of section 4.3
        scratch = replace(base, weights="random", train_from="")
        settings = [scratch if name == SCRATCH else replace(base, backbone=name) for name in chosen.backbones]
    elif arm == "imbalance":
        settings = [base, replace(base, loss="wbce"), *plain[1:]]
    else:  # "mapping"
        settings = [base]
    seeds = chosen.seeds if arm in ("losses", "saliency") else chosen.variant_seeds
    several = [(settings, seeds), (variants, chosen.variant_seeds)]
    return [replace(one, seed=seed) for some, count in several for one in some for seed in range(count)]


def source(chosen: Parameters, **changes: object) -> Source:
    """The first set; ``changes`` make that of another comparison."""
    names = [
        "data_root",
        "side",
        "picture_side",
        "uncertain",
        "views",
        "calibration",
        "calibration_share",
        "jobs",
    ]
    given: dict[str, object] = {name: getattr(chosen, name) for name in names}
    given |= {"train": chosen.train_images, "valid": chosen.valid_images, "seed": chosen.data_seed}
    return Source(folder=paths.data_folder(), **{**given, **changes})  # type: ignore[arg-type]


def plan(chosen: Parameters) -> list[Part]:
    """All models of the notebook, set by set; a set without a model is left out."""
    first = source(chosen)
    images = first.training_images()
    options = {"precision": precision_of(chosen.compiled, pick_device(chosen.device))}
    asked = [("first", [arm for arm in FIRST if arm in chosen.arms], first)]
    if "imbalance" in chosen.arms:
        asked.append(("rare", ["imbalance"], source(chosen, odds=chosen.rare_odds)))
    if "mapping" in chosen.arms:
        asked += [(name, ["mapping"], source(chosen, uncertain=name)) for name in MAPPINGS]
    parts = []
    for data, arms, one in asked:
        configs = [config for arm in arms for config in runs_of(arm, chosen)]
        parts += [Part(data, run, configs, one, images, options)] if configs else []
    return parts


class Swept(NamedTuple):
    """The records of one set's models, the set and its name: "first", "rare", or a way to read uncertain labels."""

    data: str
    records: Sequence[Record]
    opened: Opened

    @property
    def truth(self) -> np.ndarray:
        """P(y | x) (n, K) of the test part, NaN where it is not known."""
        return self.opened.images.truth[self.opened.images.images.split == "test"]

    def part(self, name: str) -> BoxedImages:
        """Images of a part: "train", "val" or "test"."""
        return self.opened.images.images.part(name)

    def models(self, setting: str, arms: Sequence[str]) -> list[Record]:
        """Runs of a setting that ended well, of the first of the comparisons that has it."""
        own = [record for record in self.records if record.config.setting() == setting]
        arm = next((arm for arm in arms if any(record.config.arm == arm for record in own)), None)
        return [record for record in own if record.config.arm == arm and record.status == "ok"]

    def of_seed(self, settings: Sequence[str], arms: Sequence[str], seed: int = 0) -> dict[str, Record]:
        """The run of each setting with this seed; settings without one are left out."""
        found = {one: [r for r in self.models(one, arms) if r.config.seed == seed] for one in settings}
        return {setting: records[0] for setting, records in found.items() if records}


def train_all(chosen: Parameters) -> list[Swept]:
    """Train what the cache lacks, set by set."""
    found, device = [], pick_device(chosen.device)
    for part in plan(chosen):
        assert isinstance(part.data, Source)
        own = open_source(part.data)
        say(f"{part.name}: {len(part.configs)} models on {len(own.images.images)} images")
        fronts = [(one.backbone, one.weights, one.train_from) for one in part.configs if one.train_from]
        for front in dict.fromkeys(fronts):  # in all processes at once; left to the runs, each would do it
            stored(own.store.root, *front, device, chosen.jobs)
        how = {"jobs": chosen.jobs, "device": device, **part.options}
        records = sweep(part.run, part.configs, data=own.store, cache=paths.cache_folder(), **how)
        found.append(Swept(part.name, records, own))
    return found


def name(setting: str, arm: str = "") -> str:
    """A setting's name for readers; the one-input network of the comparison "mimo" is named as such.

    >>> name("focal"), name("mimo_3"), name("bce", "mimo")
    ('focal loss', 'MIMO, 3 inputs', 'one input, all trained')
    """
    if setting.startswith("mimo_"):
        return f"MIMO, {setting.removeprefix('mimo_')} inputs"
    return "one input, all trained" if arm == "mimo" else NAMES.get(setting, setting.replace("_", " "))
