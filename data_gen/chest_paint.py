"""A synthetic chest radiograph as a description that holds every draw, and its picture, painted from that alone.

From attenuation to grey levels: the film's curve, scattered light and noise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from data_gen.chest_anatomy import (
    Anatomy,
    Box,
    Frame,
    Layout,
    Pose,
    aortic_box,
    breathe,
    heart_box,
    lay_out,
    stretched,
)
from data_gen.chest_body import add_clavicles, add_ribs, add_scapulae, add_spine, soft_tissue, vessel_layer
from data_gen.chest_devices import Devices, add_objects, stamp_marker
from data_gen.chest_findings import (
    Finding,
    Shadow,
    atelectasis,
    calcification,
    effusion,
    infiltration,
    mass,
    nodule,
    pneumonia,
    pneumothorax,
)

TABLE = 2048  # steps of the film's curve
DENSEST = 3.2  # attenuation at its end


@dataclass(frozen=True)
class Exposure:
    """How attenuation becomes grey: strength, gamma, black and white in grey levels, share of scattered light,
    noise in grey levels and its seed."""

    strength: float
    gamma: float
    black: float
    white: float
    veil: float
    noise: float
    texture: int


def expose(picture: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Attenuation to grey levels along the film's curve, then scattered light and noise."""
    generator = np.random.default_rng(exposure.texture)
    side = picture.shape[0]
    coarse, fine = (generator.standard_normal((n, n), np.float32) for n in (6, 17))
    mottle = stretched(stretched(coarse, 17, 17) + fine, side, side)
    light = 1 - np.exp(-exposure.strength * np.linspace(0, DENSEST, TABLE))
    light = (light / light[-1]) ** exposure.gamma
    curve = (exposure.black + (exposure.white - exposure.black) * light).astype(np.float32)
    scale = (TABLE - 1) / DENSEST
    index = (mottle * np.float32(0.045 * scale) + np.float32(scale)) * picture
    grey = np.take(curve, np.clip(index, 0, TABLE - 1, out=index).astype(np.int16))
    # Scattered light: a share of the mean over a tenth of the side.
    scattered = Image.fromarray(grey).resize((10, 10), Image.Resampling.BOX)
    grey *= np.float32(1 - exposure.veil)
    grey += stretched(np.asarray(scattered) * np.float32(exposure.veil), side, side)
    grain = generator.standard_normal(grey.shape, np.float32)
    grain *= (grey + 60) * np.float32(exposure.noise / 180)
    grey += grain
    grey += 0.5
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


SHADOWS: dict[str, Callable[[Layout, Finding, np.random.Generator], Shadow]] = {
    "Atelectasis": atelectasis,
    "Calcification": calcification,
    "Effusion": effusion,
    "Infiltration": infiltration,
    "Mass": mass,
    "Nodule": nodule,
    "Pneumonia": pneumonia,
    "Pneumothorax": pneumothorax,
}
KINDS = (*SHADOWS, "Aortic enlargement", "Cardiomegaly")
"""All that can be drawn; the last two are changes of the anatomy."""
WIDENED = (0.045, 0.075)  # aortic knob, from the least to the greatest severity of its enlargement
ENLARGED = (0.53, 0.69)  # cardiothoracic ratio of an enlarged heart, from the least to the greatest severity


@dataclass(frozen=True)
class Radiograph:
    """One picture: the patient's chest, pose, depth of breath, whether arms hang beside the chest, how much of the
    shoulder blades and collar bones shows, a bubble of gas in the stomach, findings, objects and exposure."""

    anatomy: Anatomy
    pose: Pose
    breath: float
    arms: bool
    scapulae: float
    clavicles: float
    bubble: float
    findings: tuple[Finding, ...]
    devices: Devices
    exposure: Exposure


Boxes = list[tuple[str, Box]]


def paint(radiograph: Radiograph, side: int, signal: float = 1.0) -> tuple[np.ndarray, Boxes]:
    """The picture (uint8, side x side), and kind and box in its pixels of each finding seen, in their order."""
    layout = lay_out(chest_of(radiograph), Frame(side, radiograph.pose))
    picture = soft_tissue(layout, radiograph.bubble, radiograph.arms)
    add_spine(picture, layout)
    add_ribs(picture, layout)
    add_clavicles(picture, layout, radiograph.clavicles)
    if radiograph.scapulae < 1:
        add_scapulae(picture, layout, 0.08 * radiograph.scapulae)
    tissue = vessel_layer(layout)
    boxes: Boxes = []
    for finding in radiograph.findings:
        box = _add_finding(picture, tissue, layout, finding, signal)
        if box is not None:
            boxes.append((finding.kind, box))
    picture += tissue
    add_objects(picture, layout, radiograph.devices)
    image = expose(picture, radiograph.exposure)
    stamp_marker(image, radiograph.devices)
    return image, boxes


def chest_of(radiograph: Radiograph) -> Anatomy:
    """The anatomy as this picture shows it: after a breath, with the heart that the findings ask for."""
    anatomy = breathe(radiograph.anatomy, radiograph.breath)
    for finding in radiograph.findings:
        if finding.kind == "Cardiomegaly":
            anatomy = replace(anatomy, heart=finding.between(*ENLARGED))
        if finding.kind == "Aortic enlargement":
            anatomy = replace(anatomy, knob=finding.between(*WIDENED))
    return anatomy


def _add_finding(
    picture: np.ndarray, tissue: np.ndarray, layout: Layout, finding: Finding, signal: float
) -> Box | None:
    if finding.kind == "Cardiomegaly":
        return heart_box(layout)
    if finding.kind == "Aortic enlargement":
        return aortic_box(layout)
    if finding.kind not in SHADOWS:
        raise ValueError(f"kind: found {finding.kind!r}, expected one of {', '.join(KINDS)}")
    shadow = SHADOWS[finding.kind](layout, finding, np.random.default_rng(finding.texture))
    picture[shadow.window] += np.float32(signal) * shadow.add
    tissue[shadow.window] *= 1 - np.float32(min(signal, 1.0)) * shadow.clear
    return shadow.box
