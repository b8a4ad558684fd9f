"""Laws of the recipe acgan-age, and of the codes that are found for faces."""

import math
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cosine_similarity, cross_entropy, softplus

from gantool.errors import UsageError
from gantool.export import export_run
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.batches import collate
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_face_age import acgan as module
from gantool_face_age.acgan import acgan_age, own_code, recognition, since, until
from gantool_face_age.ages import OLDEST, YOUNGEST, groups
from gantool_face_age.conditional import Ager, Discriminator, Generator, PixelNorm, widths
from gantool_face_age.latent import latent_distance, likeness_distance, preserved

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"channels": 4, "latent": 8, "batch": 4, "side": 32, "hold": 1}


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Discs on a ground, the older the darker; two are of minors."""
    root = tmp_path_factory.mktemp("faces")
    y, x = np.mgrid[:40, :40]
    for number, age in enumerate((3, 17, 18, 24, 33, 41, 48, 55, 62, 80)):
        disc = np.hypot(x - 18 - number % 3, y - 20) < 12
        frame = np.dstack([60 + disc * (190 - 2 * age), 70 + disc * 90, np.full_like(x, 90)])
        Image.fromarray(frame.astype(np.uint8)).save(root / f"{age}_0_{number}.png")
    return root


def tiny(**more):
    torch.manual_seed(0)
    return acgan_age(**{**TINY, **more})


def batch_of() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    ages = torch.tensor([20.0, 35.0, 50.0, 78.0])
    return {"input": torch.rand(4, 3, 32, 32, generator=random), "age": ages}


def turn(system, name: str):
    return next(phase for phase in system.phases() if phase.name == name)


def loss(system, name: str, batch) -> dict[str, torch.Tensor]:
    """Of a phase; what it draws at random is drawn from seed 3."""
    torch.manual_seed(3)
    return system.loss(turn(system, name), batch, 0.0)


@pytest.mark.parametrize("preset", module.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(acgan_age, module.PRESETS, preset, {"channels": "4"})
    assert values.pop("steps") >= 400
    side = values["side"]
    face = acgan_age(**values).networks["ager"](torch.rand(1, 3, side, side))
    assert tuple(face.shape) == (1, 3, side, side)


def test_the_losses_are_the_papers():
    system, batch = tiny(r1=0.0), batch_of()
    ager, judge = system.networks["ager"], system.networks["discriminator"].eval()
    y = groups(batch["age"])
    torch.manual_seed(3)
    z = torch.randn(4, 8)
    real, fake = judge(batch["input"], y), judge(ager.generator(z, y), y)
    judged, fooled = (loss(system, name, batch) for name in ("discriminator", "generator"))
    assert (judged.keys(), fooled.keys()) == ({"gan"}, {"gan"})
    wanted = -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean())
    assert judged["gan"].item() == pytest.approx(wanted.item(), rel=1e-4)
    assert fooled["gan"].item() == pytest.approx(softplus(-fake).mean().item(), rel=1e-4)
    found = ager.encoder(ager.generator(z, y))
    encoded = loss(system, "encoder", batch)["latent"].item()
    wanted = ((found - z) ** 2).sum(1).sqrt().mean().item()
    assert encoded == pytest.approx(wanted, rel=1e-4)


def test_the_slope_of_the_discriminator_is_held():
    system, batch = tiny(r1=2.0), batch_of()
    x = batch["input"].clone().requires_grad_(True)
    judge = system.networks["discriminator"].eval()
    (slope,) = torch.autograd.grad(judge(x, groups(batch["age"])).sum(), x)
    wanted = slope.square().sum((1, 2, 3)).mean().item()
    assert loss(system, "discriminator", batch)["r1"].item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("phase", "moved"),
    [
        ("discriminator", {"discriminator"}),
        ("generator", {"ager.generator", "discriminator"}),  # the loop freezes the discriminator
        ("encoder", {"ager.encoder"}),
        ("likeness", {"likeness"}),
    ],
)
def test_each_phase_moves_its_own_network_only(phase, moved):
    system = tiny()
    sum(loss(system, phase, batch_of()).values()).backward()
    touched = {
        f"{owner}.{name.split('.')[0]}" if owner == "ager" else owner
        for owner, network in system.networks.items()
        for name, weight in network.named_parameters()
        if weight.grad is not None and weight.grad.any()
    }
    assert touched == moved
    groups_held = turn(system, phase).optimizer.param_groups
    held = [weight for group in groups_held for weight in group["params"]]
    assert all(weight.grad is not None for weight in held)


def test_first_the_gan_learns_then_the_encoder():
    system = tiny(start=0.75)
    for fraction in (0.0, 0.74, 0.75, 1.0):
        having = {phase.name for phase in system.phases() if phase.rate(fraction)}
        early = {"discriminator", "generator", "likeness"}
        assert having == (early if fraction < 0.75 else {"encoder"})
    assert (until(0.2, start=0.5), since(0.2, start=0.5)) == (1.0, 0.0)


def test_distances_by_hand():
    z, found = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [1.0, 2.0]])
    assert latent_distance(found, z).item() == pytest.approx((5 + 1) / 2)
    assert likeness_distance(found, z).tolist() == pytest.approx([5, 1])
    pictures = torch.zeros(1, 3, 2, 2)
    assert likeness_distance(pictures, pictures + 1).item() == pytest.approx(math.sqrt(12))


def test_a_face_is_told_from_the_others_by_itself(monkeypatch):
    monkeypatch.setattr(module, "disturbed", lambda x: x)
    x = torch.rand(5, 7)
    likeness = lambda faces: torch.nn.functional.normalize(faces, dim=1)  # noqa: E731
    alike = cosine_similarity(x[:, None], x[None], dim=2) / module.TEMPERATURE
    wanted = cross_entropy(alike, torch.arange(5)).item()
    assert recognition(likeness, x).item() == pytest.approx(wanted, rel=1e-5)


def test_the_code_of_a_linear_face_is_found_exactly():
    """‖x − (A z + b)‖ is least at the solution of least squares."""
    random = torch.Generator().manual_seed(0)
    matrix, middle = torch.randn(12, 3, generator=random), torch.randn(12, generator=random)
    x = torch.randn(1, 12, generator=random)
    z0 = torch.zeros(1, 3)
    found = preserved(lambda z: z @ matrix.T + middle, lambda face: face, x, z0, steps=60)
    wanted = torch.linalg.lstsq(matrix, (x - middle).T).solution.T
    assert torch.allclose(found, wanted, atol=1e-3)


def test_optimised_codes_are_nearer_in_likeness_and_each_face_is_on_its_own():
    system, batch = tiny(), batch_of()
    ager, likeness = system.networks["ager"], system.networks["likeness"]
    x, age = batch["input"], batch["age"]
    kept = own_code(ager, likeness, x, age, steps=10)

    def away(z: torch.Tensor) -> torch.Tensor:
        return likeness_distance(likeness(x), likeness(ager.generator(z, groups(age))))

    assert (away(kept) < away(ager.encoder(x))).all()
    assert torch.equal(kept[1:2], own_code(ager, likeness, x[1:2], age[1:2], steps=10))
    assert all(weight.grad is None for weight in (*ager.parameters(), *likeness.parameters()))


def test_a_code_that_cannot_be_bettered_stays():
    z0 = torch.randn(1, 4)
    blind = lambda face: 0 * face  # noqa: E731
    assert torch.equal(preserved(torch.sin, blind, torch.ones(1, 4), z0, steps=5), z0)


def test_years_become_the_papers_groups_and_reach_the_face():
    shares = groups(torch.tensor([0.0, 18.0, 25.0, 30.0, 75.0, 80.0]))
    assert shares.sum(1).tolist() == [1.0] * 6
    assert torch.equal(shares[0], shares[2])
    assert shares[3, :2].tolist() == [0.5, 0.5]
    assert shares[4].argmax() == shares[5].argmax() == 5
    ager, x = tiny().networks["ager"], batch_of()["input"]
    young, old = (ager(x, torch.full((1, 1), age)) for age in (25.0, 70.0))
    assert (young - old).abs().mean() > 1e-3
    assert torch.equal(ager(x), young)  # nobody said an age
    assert not torch.equal(ager(x, None, torch.ones(1, 8)), young)


def test_the_discriminator_hears_the_age():
    judge, x = Discriminator(32, 4).eval(), batch_of()["input"]
    young, old = (judge(x, groups(torch.full((4,), age))) for age in (25.0, 75.0))
    assert (young != old).all()


def test_a_face_does_not_depend_on_the_others_of_its_batch():
    generator, z = Generator(32, 4, 8), torch.randn(3, 8)
    y = groups(torch.tensor([20.0, 40.0, 60.0]))
    assert torch.allclose(generator(z, y)[1:2], generator(z[1:2], y[1:2]), atol=1e-6)
    face = generator(100 * z, y)
    assert 0 <= face.min() < face.max() <= 1


def test_features_have_a_mean_square_of_one():
    x = 7 * torch.randn(2, 5, 3, 3)
    assert torch.allclose(PixelNorm()(x).square().mean(1), torch.ones(2, 3, 3), atol=1e-4)


def test_channels_double_three_times_at_most():
    assert widths(64, 10) == [10, 20, 40, 80, 80]
    assert len(widths(128, 1)) == 6


def test_another_size_is_drawn_at_the_own_side():
    ager = Ager(32, 4, 8)
    assert tuple(ager(torch.rand(2, 3, 64, 96)).shape) == (2, 3, 64, 96)


def test_a_side_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="side=48: there are 32, 64, 128"):
        tiny(side=48)


def test_minors_are_left_out(faces):
    data = tiny().dataset(faces, "train")
    assert (data.wanted.youngest, data.wanted.oldest) == (YOUNGEST, OLDEST)
    assert sorted(data.ages) == [18, 24, 33, 41, 48, 55, 62, 80]


def trained(faces: Path, folder: Path, *sessions: int) -> Run:
    settings = Settings("acgan-age", {**TINY, "start": 0.5}, "faces", 8)
    for steps in sessions:
        run = Run(acgan_age, folder, settings, faces)
        deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
    return run


@pytest.fixture(scope="module")
def straight(faces, tmp_path_factory) -> Run:
    return trained(faces, tmp_path_factory.mktemp("runs") / "straight", 8)


@pytest.mark.parametrize("sessions", [(3, 5), (6, 2)], ids=["in the gan", "in the encoder"])
def test_resumed_equals_straight(sessions, straight, faces, tmp_path):
    resumed = trained(faces, tmp_path / "run", *sessions)
    for name, network in straight.system.networks.items():
        other = resumed.system.networks[name]
        for mine, theirs in zip(network.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs), name


def test_a_run_is_shown(straight, faces):
    batch = collate(straight.system.dataset(faces, "train"), 0, 99, range(2))
    shown = straight.system.preview(straight.ema.networks, batch)
    assert {tuple(each.shape) for each in shown.values()} == {(2, 3, 32, 32)}
    again = straight.system.preview(straight.ema.networks, batch)
    assert all(torch.equal(shown[name], again[name]) for name in shown)


def test_a_run_is_exported_and_its_model_takes_age_and_code(straight, faces):
    (path,) = export_run(straight.system, straight.folder, straight.settings, None, {})
    model = Session(path)
    assert (model.contract.task, model.contract.multiple) == ("face-age", 32)
    assert model.contract.conditions.keys() == {"age", "z"}
    frame = np.array(Image.open(sorted(faces.glob("33_*"))[0]))
    told = {age: model(frame, age=np.full((1, 1), age, np.float32)) for age in (25, 75)}
    assert told[25].shape == frame.shape
    assert not np.array_equal(told[25], told[75])
    assert np.array_equal(told[25], model(frame))
    assert not np.array_equal(told[25], model(frame, z=np.ones((1, 8), np.float32)))
