"""Laws of every recipe whose discriminator is projected."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from gantool.errors import ModelError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.batches import collate
from gantool.training.loop import _frozen
from gantool.training.networks.projected import ProjectedDiscriminator
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_derain.idcgan import idcgan
from gantool_face_age.acgan import acgan_age
from gantool_face_age.ipcgan import ipcgan_age
from gantool_refine_synthetic.simgan import simgan
from gantool_superres.srgan import srgan
from gantool_translate.cut import cut
from gantool_translate.cyclegan import cyclegan
from gantool_translate.pix2pix import pix2pix
from systems import content, newest

torch.set_num_threads(1)
MIDDLE = 0.4
"""A fraction of the training at which all parts of the GAN learn."""
REAL = 0.75
"""What real pictures are where they are to be told by their colour."""


class Case(NamedTuple):
    """A recipe, small."""

    recipe: Callable[..., object]
    folders: tuple[str, ...]
    options: dict[str, object]
    real: tuple[str, ...]
    """Pictures of a batch that the discriminator learns are real."""
    features: str = "features"
    """The option that names the feature network."""


TRANSLATE = {"channels": 4, "crop": 32}
CASES = {
    "pix2pix": Case(
        pix2pix,
        ("A", "B"),
        {**TRANSLATE, "generator": "resnet-6", "judging": 4, "augment": True},
        ("target",),
    ),
    "cyclegan": Case(cyclegan, ("trainA", "trainB"), {**TRANSLATE, "pool": 2}, ("a", "b")),
    "cut": Case(
        cut, ("trainA", "trainB"), {**TRANSLATE, "judge": 4, "side": 32, "augment": True}, ("b",)
    ),
    "srgan": Case(
        srgan,
        ("",),
        {"channels": 4, "layers": 1, "critic": 4, "batch": 2, "crop": 8, "start": 0.3},
        ("high",),
        "projection",
    ),
    "idcgan": Case(
        idcgan,
        ("",),
        {"channels": 4, "layers": 1, "critic": 4, "batch": 2, "crop": 32, "start": 0.3},
        ("target",),
        "projection",
    ),
    "acgan-age": Case(
        acgan_age, ("",), {"channels": 2, "latent": 8, "batch": 2, "side": 32}, ("input",)
    ),
    "ipcgan-age": Case(
        ipcgan_age,
        ("",),
        {"channels": 4, "blocks": 1, "judging": 4, "reading": 8, "batch": 2, "side": 32},
        ("input",),
    ),
    "simgan": Case(
        simgan,
        ("synthetic", "real"),
        {"channels": 4, "blocks": 1, "critic": 4, "batch": 2, "crop": 20, "pool": 4},
        ("real",),
    ),
}


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture
def options(name, lite0):
    case = CASES[name]
    return {**case.options, "discriminator": "projected", case.features: str(lite0)}


@pytest.fixture
def data(name, tmp_path) -> Path:
    """Four pictures in each folder; the numbers are read as ages where a recipe asks for them."""
    root = tmp_path / "data"
    for seed, folder in enumerate(CASES[name].folders):
        random = np.random.default_rng(seed)
        for age in (20, 40, 60, 75):
            path = root / folder / f"{age}_0_1.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, random.integers(0, 256, (64, 64, 3), np.uint8), Carry())
    return root


@pytest.fixture
def system(name, options):
    torch.manual_seed(0)
    return CASES[name].recipe(**options)


@pytest.fixture
def batches(system, data):
    """One for each of a step's draws."""
    return [collate(system.dataset(data, "train"), 0, draw, range(2)) for draw in range(2)]


def turns(system):
    """The phases that learn."""
    return [phase for phase in system.phases() if phase.rate(MIDDLE)]


def test_each_phase_moves_its_own_networks(system, batches):
    for phase in turns(system):
        phase.optimizer.zero_grad()
        for network in system.networks.values():
            network.zero_grad()
        with _frozen(system, phase):
            terms = system.loss(phase, batches[phase.draw], MIDDLE)
        sum(terms.values()).backward()
        moved = {
            id(weight)
            for network in system.networks.values()
            for weight in network.parameters()
            if weight.grad is not None
        }
        assert moved == {
            id(weight) for group in phase.optimizer.param_groups for weight in group["params"]
        }, phase.name


def test_statistics_follow_the_real_side_alone(name, system, batches, monkeypatch):
    """In the discriminator's turn, once for each."""
    looked, look = [], ProjectedDiscriminator.look

    def spied(self, x):
        real = self.standards[0].real
        if real is not None:
            looked.append(x[real, -3:])
        return look(self, x)

    monkeypatch.setattr(ProjectedDiscriminator, "look", spied)
    plain = {key: torch.full_like(batches[0][key], REAL) for key in CASES[name].real}
    batches = [batch | plain for batch in batches]
    for phase in turns(system):
        before = len(looked)
        system.loss(phase, batches[phase.draw], MIDDLE)
        judging = phase.name.startswith("discriminator")
        assert len(looked) - before == (len(plain) if judging else 0), phase.name
    for seen in looked:  # parts may be covered
        assert seen.eq(REAL).float().mean() > 0.3
        assert len(seen) == len(next(iter(plain.values())))


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"srgan", "ipcgan-age"}), indirect=True)
def test_the_loss_is_the_hinge(name, system, batches, monkeypatch):
    """Logits of ½ for all: 1 − ½ and 1 + ½ for the discriminator, which pix2pix halves."""

    def half(self, found, shares=None):
        return 0.5 + 0 * found[0].mean((1, 2, 3), keepdim=True)

    monkeypatch.setattr(ProjectedDiscriminator, "_logits", half)
    phase = next(each for each in turns(system) if each.name.startswith("discriminator"))
    terms = dict(system.loss(phase, batches[phase.draw], MIDDLE))
    terms.pop("r1", None)
    assert {term.item() for term in terms.values()} == {1.0 if name == "pix2pix" else 2.0}


def trained(name: str, options, data: Path, folder: Path, *sessions: int) -> Run:
    for steps in sessions:
        settings = Settings(name, options, "data", sum(sessions))
        run = Run(CASES[name].recipe, folder, settings, data)
        deque(train(run, Limits(max_steps=steps)), maxlen=0)
    return run


def test_resumed_equals_straight(name, options, data, tmp_path):
    """Weights, averages, statistics of the real side and Adam, bit for bit."""
    straight = trained(name, options, data, tmp_path / "straight", 6)
    resumed = trained(name, options, data, tmp_path / "resumed", 4, 2)
    one, other = (content(newest(run)) for run in (straight, resumed))
    for file in ("networks", "ema", "optimizers", "memory"):
        assert one.get(f"{file}.safetensors") == other.get(f"{file}.safetensors"), file
    judges = [key for key in straight.system.networks if key.startswith("discriminator")]
    assert all(straight.system.networks[key].standards[0].batches > 0 for key in judges)


def test_missing_weights_are_told_before_anything_starts(name, options):
    with pytest.raises(ModelError, match=r"^nowhere\.pth: no such file"):
        CASES[name].recipe(**{**options, CASES[name].features: "nowhere.pth"})
