"""Nothing is downloaded unless it is asked for, and what is asked for and out of reach is one line."""

import socket
import time
from pathlib import Path

import pytest
import torch

from cam_entropy import experiment as cam_entropy
from heatmap_loss import experiment as heatmap_loss
from papers_lib.errors import UserError
from papers_lib.models.classifier import pooled_classifier
from papers_lib.models.heatmap_methods import METHODS
from papers_lib.models.pyramid_encoder import pyramid_encoder
from papers_lib.models.vgg_cardiac import vgg16
from pylon import experiment as pylon
from sibnet_calibration import experiment as sibnet_calibration


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Every attempt to reach the network; each is refused, and no cache of downloads is found."""
    found: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        found.append(arguments)
        raise OSError("the network is out of reach")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the hub's five attempts
    for name in ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return found


def test_every_model_of_the_short_profiles_is_built_without_a_network(attempts):
    packaged = ("efficientnet_lite0", "efficientnet_lite2")
    for backbone in packaged:
        cam_entropy.build(cam_entropy.EntropyRun(seed=0, beta=0.0, backbone=backbone), 4, "cpu")
        pylon.build(pylon.PylonRun(seed=0, backbone=backbone), 4)
    for method in {made.kind: name for name, made in METHODS.items()}.values():
        pylon.build(pylon.PylonRun(seed=0, method=method), 4)
    for changed in ({}, {"inputs": 2, "train_from": ""}, {"weights": "random"}):
        sibnet_calibration.build(sibnet_calibration.SibnetRun(seed=0, **changed), 5)
    for weights in ("random", "digits"):
        heatmap_loss.build(heatmap_loss.HeatmapRun(2, "mse", 0, weights=weights), "cpu")
    assert attempts == []


def test_weights_that_are_asked_for_and_out_of_reach_are_one_line(attempts):
    for build in (pooled_classifier, pyramid_encoder, vgg16):
        given = () if build is vgg16 else ("resnet18",) if build is pyramid_encoder else ("resnet18", 2)
        named = {} if build is vgg16 else {"weights": "timm"}
        attempts.clear()
        with pytest.raises(UserError, match=r"^.*neither in (timm's|the) local cache.*$"):
            build(*given, generator=torch.Generator(), **named)
        assert attempts  # it did try, since it was asked to
