"""All runs of the PYLON notebook: which models each comparison trains, on which data set, and at which size."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path

from papers_lib.companion import paths
from papers_lib.errors import UserError
from papers_lib.sweep import DataRef, Part, Record, say, sweep
from papers_lib.training import pick_device, precision_of
from pylon.data import CHANNELS, ImageSet, layout_of, open_images, stored
from pylon.experiment import STAGES, UNTRAINED, PylonRun, run, share_source
from pylon.frame import Swept
from pylon.parameters import Parameters

FIRST = ("main", "others", "long", "parts", "pools", "backbone")  # on the first data set, at ``side``
SET_HERE = {"phases", "masked", "folds"}  # the parameters of a run that not every comparison has


def image_sets(chosen: Parameters) -> dict[str, ImageSet]:
    """The data sets by "first" (the user's, in any layout, or the NIH-like one), "vindr" and "voc"."""
    sizes = {
        "nih": {"train_val": chosen.train_images, "test": chosen.test_images},
        "vindr": {"images": chosen.small_images},
        "voc": {"train": chosen.scenes_train, "test": chosen.scenes_test},
    }
    roots = {"first": chosen.data_root, "vindr": chosen.vindr_root, "voc": chosen.voc_root}
    found = {}
    for name, root in roots.items():
        layout = "nih" if name == "first" else name
        layout = layout_of(Path(root).expanduser()) if root else layout
        options = {} if layout == "vindr" else {"val_share": chosen.val_share}
        found[name] = ImageSet(layout, root, {**sizes[layout], "seed": chosen.data_seed}, options)
    return found


def plan(chosen: Parameters, sources: Mapping[str, str] | None = None) -> list[Part]:
    """Every config of the paper, a part for each data set and size, in the order of the page.

    Args: sources: key of the model that each of ``fair_methods`` starts from on the small set; else untrained ones.
    """
    sets = image_sets(chosen)
    images_of = cache(lambda of: sets[of].training_images())
    sources = sources or dict.fromkeys(chosen.fair_methods, UNTRAINED)
    shared = {one.name for one in fields(PylonRun)} & {*Parameters.model_fields} - SET_HERE
    base = PylonRun(seed=0, phases=tuple(chosen.phases), **{name: getattr(chosen, name) for name in shared})

    def part(name: str, of: str, side: int, arms: Sequence[str]) -> Part:
        own = [replace(base, arm=arm, channels=CHANNELS[sets[of].layout]) for arm in arms]
        configs = [one for start in own for one in _runs(start, chosen, sources)]
        options = {"precision": precision_of(chosen.compiled, pick_device(chosen.device))}
        opened = partial(_open, sets[of], side, configs, chosen)
        return Part(name, run, configs, opened, images_of(of), options)

    tuned = chosen.tuned_side
    parts: list[tuple[str, str, int, Sequence[str]]] = [
        ("nih", "first", chosen.side, FIRST),
        ("nih_large", "first", chosen.large_side, ["large"]),
        ("nih_source", "first", tuned, ["source"]),
        ("vindr", "vindr", tuned, ["transfer", "budget"]),
        ("voc", "voc", tuned, ["voc"]),
    ]
    arms = {*chosen.arms, *(["source"] if "transfer" in chosen.arms else [])}
    return [
        part(name, of, side, [arm for arm in own if arm in arms])
        for name, of, side, own in parts
        if arms & {*own}
    ]


def run_plan(chosen: Parameters) -> list[Swept]:
    """Train what the cache lacks, part by part; the small set after the models that its runs start from."""
    found: list[Swept] = []
    for part in plan(chosen):
        data = part.data()
        if part.name == "vindr":
            sources = {one.config.method: _shared(one, data.root) for one in found[-1].records}
            part = next(one for one in plan(chosen, sources) if one.name == "vindr")
        images, pixels = open_images(data.root)
        say(f"{part.name}: {len(part.configs)} models on {len(images)} images of {pixels.shape[1]} pixels")
        how = {"jobs": chosen.jobs, "device": pick_device(chosen.device), **part.options}
        records = sweep(run, part.configs, data=data, cache=paths.cache_folder(), **how)
        found.append(Swept(part.name, records, images, pixels, data))
    return found


def _runs(base: PylonRun, chosen: Parameters, sources: Mapping[str, str]) -> list[PylonRun]:
    """The runs of one comparison; ``base`` is marked with it."""
    seeds, variants, fair = chosen.seeds, chosen.variant_seeds, chosen.fair_methods
    measured = replace(base, masked=chosen.masked)
    match base.arm:
        case "main":  # the headline, and the number of UPs as the main axis: strides 4, 8 and 32
            return _each(measured, chosen.methods, seeds, chosen.folds)
        case "others":  # Table 1
            return _each(measured, chosen.other_methods, seeds, chosen.folds, variants)
        case "long":  # the baseline learns slowest, and must not lose for want of time
            return _each(replace(base, epochs=chosen.long_factor * base.epochs), ["cam"], seeds)
        case "parts":  # Tables S16 and S17
            return _each(base, chosen.part_methods, variants)
        case "pools":  # Table S18, Figures S14 and S15
            return _each(base, chosen.pool_methods, seeds, 0, variants)
        case "backbone":
            return _each(replace(base, backbone=chosen.second_backbone), fair, variants)
        case "large":  # Table 2
            return _each(base, chosen.compared_methods, variants)
        case "source":  # trained as the main comparison is: one that does not point has nothing to hand on
            return _each(replace(base, keep=True), fair, 1)
        case "transfer":  # Table 3: without transfer, with it, and with two phases
            tuned = _tuned(base, chosen)
            runs = _each(tuned, chosen.compared_methods, variants)
            for method, source in sources.items():
                started = replace(tuned, source=source)
                two = replace(started, phases=("decoder", "all"))
                moving = [replace(two, statistics="moving")] if method == "pylon" else []
                for one in (started, two, *moving):
                    runs += _each(one, [method], variants)
            return runs
        case "budget":  # is it two phases that help, or more epochs?
            longer = replace(_tuned(base, chosen), epochs=chosen.budget_factor * chosen.tuned_epochs)
            of = {name: replace(longer, source=key) for name, key in sources.items() if name != "cam"}
            return [one for name, own in of.items() for one in _each(own, [name], variants)]
        case "voc":  # Table 4, from ImageNet
            policy = "photograph" if base.policy else ""
            scenes = replace(_tuned(base, chosen), greys="backbone", policy=policy)
            two = replace(scenes, phases=("decoder", "all"))
            return _each(scenes, chosen.compared_methods, variants) + _each(two, fair, variants)
    raise ValueError(f"arm: found {base.arm!r}, expected a comparison of the notebook")


def _tuned(base: PylonRun, chosen: Parameters) -> PylonRun:
    """A run that trains the encoder whatever ``phases`` says."""
    sizes = {"train_from": chosen.tuned_from, "epochs": chosen.tuned_epochs, "batch_size": chosen.tuned_batch}
    return replace(base, **sizes, learning_rate=chosen.tuned_rate, phases=("all",))  # type: ignore[arg-type]


def _each(
    base: PylonRun, methods: Sequence[str], seeds: int, folds: int = 0, others: int | None = None
) -> list[PylonRun]:
    """Runs of the methods, seeds and folds; with ``others``, PAN is first and the rest has that many seeds."""
    pans = ("pan", "pan_no_gap")  # the paper's claim on them is on their scatter
    ranked = methods if others is None else sorted(methods, key=lambda method: method not in pans)
    return [
        replace(base, method=method, seed=seed, fold=fold, folds=folds or base.folds)
        for method in ranked
        for seed in range(seeds if others is None or method in pans else others)
        for fold in (range(folds) if folds else (-1,))
    ]


def _open(images: ImageSet, side: int, configs: Sequence[PylonRun], chosen: Parameters) -> DataRef:
    """The set as an image store, with the features that the runs read: left to the runs, each would compute them."""
    device, jobs = pick_device(chosen.device), chosen.jobs
    data = images.open(paths.data_folder(), side, jobs)
    listed, _ = open_images(data.root)
    owners = len(set(listed.names if listed.patients is None else listed.patients))
    if any(one.fold >= 0 and one.folds > owners for one in configs):
        raise UserError(f"folds: found {chosen.folds}, expected at most {owners} (patients)")
    test = listed if chosen.folds else listed.part("test")
    if not any(map(len, test.boxes)):
        raise UserError(f"{images.root or data.root}: found no box among {len(test)} test images")
    kept = [one for one in configs if one.greys == "backbone" and not one.policy]
    wanted = [one.frozen(n) for one in kept for n in {STAGES, *map(one.stored_stages, one.phases)} if n]
    for which in dict.fromkeys(wanted):
        stored(data.root, which, device, jobs)
    return data


def _shared(record: Record, folder: Path) -> str:
    """Put the weights of a trained model beside the images of the set that is trained next; its key."""
    if record.status != "ok":
        raise UserError(f"{record.label}: {record.status} ({record.reason}), expected weights to start from")
    share_source(record.arrays(), record.key, folder)
    return str(record.key)
