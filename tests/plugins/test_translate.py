"""Plugin translate: its models are what the catalogue says, run, and can be trained on."""

import hashlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import gantool
from gantool import api
from gantool.media.images import read_image
from gantool.training import weights
from gantool_translate.pix2pix import pix2pix

CARD = Path(gantool.__file__).parent.parent / "plugins/gantool_translate/models/CARD.md"
NAME = "translate/edges2cats"


@pytest.mark.parametrize("name", ["edges2cats", "monet"])
def test_the_catalogue_knows_the_file(name):
    model = api.registry().models[f"translate/{name}"]
    assert hashlib.sha256(Path(model.source).read_bytes()).hexdigest() == model.sha256
    said = api.model_info(model.name)
    assert (said["task"], said["name"], said["licence"]) == ("translate", name, model.licence)
    statistics = {"edges2cats": "global", "monet": "local"}
    assert (said["side"], said["statistics"]) == ("256", statistics[name])


def test_the_card_says_how_to_train_it():
    """Its command gives the options in the file."""
    (command,) = re.findall(r"^gantool train (pix2pix .*)$", CARD.read_text(), re.MULTILINE)
    options = dict(re.findall(r"--(\w+) (\w+)", command))
    recipe, chosen = weights.options(api.model_path(NAME))
    assert command.split()[0] == recipe
    assert options["from"] == chosen["from_"]
    assert int(options["channels"]) == chosen["channels"]
    assert int(options["judging"]) == chosen["judging"]


def test_the_card_says_how_to_train_the_painter():
    """Its command gives the options in the file."""
    (command,) = set(re.findall(r"^gantool train (paint .*?) -o", CARD.read_text(), re.MULTILINE))
    recipe, chosen = weights.options(api.model_path("translate/monet"))
    said = dict(re.findall(r"--(\w+) (\S+)", command))
    assert recipe == "paint"
    assert {name: float(said[name]) for name in ("palette", "level")} == {
        name: chosen[name] for name in ("palette", "level")
    }
    assert (said["augment"] == "true") is chosen["augment"]


def test_a_painting_shows_the_photograph_in_other_colours():
    photo = gantool_sample()
    painted = gantool.load("translate/monet", device="cpu")(photo)
    assert painted.shape == photo.shape
    small = [cv2.resize(each, (32, 24), interpolation=cv2.INTER_AREA) for each in (photo, painted)]
    luma = [each.mean(2).ravel() for each in small]
    assert np.corrcoef(*luma)[0, 1] > 0.8
    assert np.abs(small[0].astype(int) - small[1]).mean() > 8


def gantool_sample() -> np.ndarray:
    frame, _ = read_image(api.SAMPLE)
    return cv2.resize(np.asarray(frame), (320, 213), interpolation=cv2.INTER_AREA)


def test_it_fills_a_drawing_and_keeps_its_size():
    drawing = np.full((200, 230, 3), 255, np.uint8)
    drawing[60:62, 40:190] = drawing[60:150, 100] = 0
    result = gantool.load(NAME, device="cpu")(drawing)
    assert result.shape == drawing.shape
    assert result.std() > 10
    assert np.abs(result.astype(int) - drawing).mean() > 30


@pytest.mark.slow
def test_its_weights_are_a_start_for_training():
    path = api.model_path(NAME)
    _, options = weights.options(path)
    system = pix2pix(**options)
    weights.load(path, system)
    network = system.networks["generator"].eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    with torch.no_grad():
        made = network(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1)
    wanted = ((made.permute(0, 2, 3, 1) + 1) * 127.5).clamp(0, 255).round().numpy()
    assert np.abs(gantool.load(NAME, device="cpu").run(pixels) - wanted).max() <= 1
