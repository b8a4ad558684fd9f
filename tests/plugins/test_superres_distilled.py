"""Laws of the recipe superres-distilled."""

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models
from gantool import api
from gantool.errors import ModelError, UsageError
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.adversarial import relativistic_discriminator, relativistic_generator
from gantool.training.networks.plain import fuse
from gantool.training.penalties import feature_matching
from gantool.training.perceptual import feature_distance, same_window
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool.training.spectral import spectral_distance, stride_distance
from gantool.training.taught_crops import TaughtCrops
from gantool_superres import distilled as module
from gantool_superres import interpolate
from gantool_superres.distilled import (
    TAPS,
    after,
    cosine,
    level_then_cosine,
    superres_distilled,
    to_luma,
)

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"scale": 2, "channels": 8, "layers": 1, "critic": 4, "batch": 2, "crop": 8, "crops": 3}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures with edges and shades."""
    root = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:150, :160]
    for number in range(3):
        circles = np.hypot(x - 60 - 9 * number, y - 80) % (9 + number) < 4
        shades = np.dstack([circles * 190 + x // 2, circles * 120 + y // 2, 200 - circles * 150])
        Image.fromarray(shades.astype(np.uint8)).save(root / f"{number}.png")
    return root


@pytest.fixture
def tiny(lite0, tmp_path):
    def made(**given):
        torch.manual_seed(0)
        return superres_distilled(
            **TINY | {"features": str(lite0), "kept": str(tmp_path / "kept")} | given
        )

    return made


@pytest.fixture
def taught(lite0, tmp_path):
    """Options of a run with a teacher and all terms."""
    teacher = models.bilinear(tmp_path / "teacher.onnx", 2)
    kept = {"teacher": str(teacher), "kept": str(tmp_path / "kept"), "features": str(lite0)}
    return {**TINY, **kept, "stage": "gan", "alone": 0.25, "measure": 2}


def batch_of(number: int = 2) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        "low": torch.rand(number, 3, 8, 8, generator=random),
        "high": torch.rand(number, 3, 16, 16, generator=random),
        "denoise": torch.rand(number, 1, generator=random),
    }


def pull(term: torch.Tensor, pixels: torch.Tensor) -> float:
    return torch.autograd.grad(term, pixels, retain_graph=True)[0].norm().item()


@pytest.mark.parametrize("preset", module.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(superres_distilled, module.PRESETS, preset, {})
    assert values.pop("steps") >= 500
    network = superres_distilled(**values).networks["generator"]
    assert network.head.wide.out_channels % 16 == 0
    assert tuple(network(torch.rand(1, 3, 4, 5)).shape) == (1, 3, 16, 20)


def test_pixels_are_compared_themselves_and_by_their_spectra(tiny):
    system, batch = tiny(stage="pixels", frequency=0.25), batch_of()
    (generator,) = system.phases()
    loss = system.loss(generator, batch, 0.5)
    guess = system.networks["generator"](batch["low"], batch["denoise"])
    assert loss.keys() == {"l1", "frequency"}
    assert loss["l1"].item() == pytest.approx((guess - batch["high"]).abs().mean().item())
    wanted = 0.25 * spectral_distance(guess, batch["high"]).item()
    assert loss["frequency"].item() == pytest.approx(wanted)


def test_features_pull_at_the_pixels_in_the_ratio_asked_for(tiny):
    system, batch = tiny(stage="features", perceptual=1.5), batch_of()
    torch.manual_seed(3)
    loss = system.loss(system.phases()[0], batch, 0.5)
    guess = system.guess(batch, lambda: None)
    assert loss.keys() == {"l1", "features"}
    assert pull(loss["features"], guess) == pytest.approx(1.5 * pull(loss["l1"], guess), rel=1e-4)
    torch.manual_seed(3)
    windows = same_window(guess, batch["high"])
    distance = feature_distance(lambda x: system.features(x, TAPS), *windows)
    weight = system.balance.weights["features"]
    assert loss["features"].item() == pytest.approx(weight * distance.item(), rel=1e-4)


def test_the_gan_judges_the_luma_and_pulls_no_harder_than_l1(tiny):
    system = tiny(stage="gan", gan=1e9, balance=0.8, stride=4.0, matching=2.0)
    batch = batch_of()
    generator, judge = system.phases()
    loss = system.loss(generator, batch, 0.5)
    guess = system.guess(batch, lambda: None)
    discriminator = system.networks["discriminator"]
    real, sharp = discriminator.judged(to_luma(batch["high"]))
    fake, ours = discriminator.judged(to_luma(guess))
    assert loss.keys() == {"l1", "features", "gan", "stride", "matching"}
    assert pull(loss["gan"], guess) == pytest.approx(0.8 * pull(loss["l1"], guess), rel=1e-3)
    weight = system.balance.weights["gan"]
    wanted = weight * relativistic_generator(real, fake)
    assert loss["gan"].item() == pytest.approx(wanted.item(), rel=1e-4)
    wanted = 4 * stride_distance(guess, batch["high"], 2)
    assert loss["stride"].item() == pytest.approx(wanted.item(), rel=1e-4)
    wanted = 2 * feature_matching(sharp, ours)
    assert loss["matching"].item() == pytest.approx(wanted.item(), rel=1e-4)
    judged = system.loss(judge, batch, 0.5)["gan"]
    assert judged.item() == pytest.approx(relativistic_discriminator(real, fake).item(), rel=1e-4)
    judged.backward()
    assert all(each.grad is None for each in system.networks["generator"].parameters())


def test_the_gan_never_weighs_more_than_its_option(tiny):
    system = tiny(stage="gan", gan=1e-6)
    system.loss(system.phases()[0], batch_of(), 0.5)
    assert system.balance.weights["gan"] == 1e-6


def test_rates_of_the_stages(tiny):
    rates = {
        stage: tiny(stage=stage).optimizers["generator"].param_groups[0]["lr"]
        for stage in module.RATES
    }
    assert rates == module.RATES == {"pixels": 1e-3, "features": 3e-4, "gan": 2e-4}
    assert tiny(rate=7e-4).optimizers["generator"].param_groups[0]["lr"] == 7e-4
    assert [cosine(at) for at in (0, 0.5, 1)] == pytest.approx([1, 0.505, 0.01])
    assert [level_then_cosine(at) for at in (0, 0.4, 0.7, 1)] == pytest.approx([1, 1, 0.51, 0.02])
    assert [after(at, start=0.1) for at in (0.09, 0.1, 0.46, 1)] == pytest.approx([0, 1, 1, 0.02])
    generator, judge = tiny(stage="gan", alone=0.1).phases()
    assert (generator.rate(0.05), judge.rate(0.05)) == (0, 1)
    assert generator.frozen == ("discriminator",)


@pytest.mark.parametrize(("scale", "crop"), [(4, 6), (2, 12), (4, 68)])
def test_crops_that_do_not_fit_are_refused(scale, crop):
    with pytest.raises(UsageError, match=f"crop={crop}: .* multiple of 16"):
        superres_distilled(**TINY | {"scale": scale, "crop": crop})


def test_what_is_missing_is_named_before_anything_starts(photos, tmp_path, tiny):
    odd = models.bilinear(tmp_path / "x3.onnx", 3)
    for given, error, said in (
        ({"teacher": str(tmp_path / "none.pth")}, ModelError, "none.pth: no such file"),
        ({"teacher": str(odd)}, UsageError, "enlarges 3 times, not 2"),
        ({"stage": "features", "features": "none.pth"}, ModelError, "none.pth: no such file"),
    ):
        system = tiny(**given)
        system.exports()  # which needs none of them
        with pytest.raises(error, match=said) as refused:
            system.dataset(photos, "train")
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "kept").exists()


def test_without_a_teacher_the_originals_are_the_targets(photos, tiny):
    system = tiny(clean=1.0, rendered=0.0, dark=0.0)
    sample = system.dataset(photos, "train").sample(1, 2, 3)
    reduced = torch.nn.functional.avg_pool2d(sample["high"], 2)
    assert (sample["low"] - reduced).abs().mean() < 0.05


def test_with_a_teacher_its_outputs_are(photos, tmp_path, tiny):
    teacher = models.bilinear(tmp_path / "teacher.onnx", 2)
    data = tiny(teacher=str(teacher)).dataset(photos, "train")
    assert isinstance(data, TaughtCrops)
    for step in range(20):
        sample = data.sample(1, step, 0)
        if sample["denoise"] == 1:
            soft = torch.nn.functional.interpolate(
                sample["low"][None], scale_factor=2.0, mode="bilinear"
            )[0]
            inner = (slice(None), slice(2, -2), slice(2, -2))
            assert (sample["high"] - soft)[inner].abs().mean() < 0.03


def test_only_the_discriminator_learns_at_first(photos, tmp_path, taught):
    run = Run(superres_distilled, tmp_path / "run", Settings("d", taught, "photos", 8), photos)
    networks = run.system.networks
    before = {name: [each.clone() for each in net.parameters()] for name, net in networks.items()}
    deque(train(run, options.Limits(max_steps=2)), maxlen=0)
    moved = {
        name: not all(map(torch.equal, before[name], net.parameters()))
        for name, net in networks.items()
    }
    assert moved == {"generator": False, "discriminator": True}
    deque(train(run), maxlen=0)
    assert not all(map(torch.equal, before["generator"], networks["generator"].parameters()))


def test_resumed_equals_straight_with_teacher_and_balance(photos, tmp_path, taught):
    def trained(folder: Path, *sessions: int) -> Run:
        settings = Settings("d", taught | {"kept": str(folder / "kept")}, "photos", 8)
        for steps in sessions:
            run = Run(superres_distilled, folder, settings, photos)
            deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
        return run

    straight, resumed = trained(tmp_path / "a", 8), trained(tmp_path / "b", 5, 3)
    assert straight.system.balance.weights == resumed.system.balance.weights
    assert straight.system.balance.weights.keys() == {"features", "gan"}
    for name in ("generator", "discriminator"):
        one, other = (run.system.networks[name] for run in (straight, resumed))
        assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_the_model_takes_how_much_noise_is_to_go(photos, tmp_path, tiny, lite0):
    values = TINY | {"features": str(lite0), "stage": "pixels"}
    run = Run(superres_distilled, tmp_path / "run", Settings(
        "superres-distilled", values, "photos", 6), photos)  # fmt: skip
    deque(train(run), maxlen=0)
    (model,) = api.export(run.folder)
    session = Session(model)
    assert session.contract.conditions == {"denoise": {"shape": [1], "default": 1.0}}
    assert session.contract.parity < 0.1
    frame = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    network = fuse(run.ema.networks["generator"]).half().float()
    x = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
    results = {}
    for share in (0.0, 0.4, 1.0):
        with torch.no_grad():
            y = network(x, torch.tensor([[share]]))[0].permute(1, 2, 0) * 255
        results[share] = session(frame, denoise=np.full((1, 1), share, np.float32))
        assert np.abs(results[share] - y.clamp(0, 255).numpy()).max() < 1.5
    assert np.array_equal(session(frame), results[1.0])
    assert not np.array_equal(results[0.0], results[1.0])


def test_a_model_without_the_plane_has_no_condition(tiny):
    (wanted,) = tiny(denoise=False).exports()
    assert wanted.contract.conditions == {}
    (wanted,) = tiny().exports()
    assert wanted.contract.conditions == {"denoise": {"shape": [1], "default": 1.0}}


def test_trained_for_integers_it_still_takes_how_much_noise_is_to_go(photos, tmp_path, lite0):
    """The plane is rounded as the picture is: both ends and the middle differ."""
    values = TINY | {"features": str(lite0), "stage": "pixels", "quantise": "int8"}
    settings = Settings("superres-distilled", values, "photos", 6)
    run = Run(superres_distilled, tmp_path / "run", settings, photos)
    deque(train(run), maxlen=0)
    files = {path.stem: Session(path) for path in api.export(run.folder)}
    assert files.keys() == {"run", "run-int8"}
    session = files["run-int8"]
    assert session.contract.precision == "int8"
    frame = np.random.default_rng(0).integers(0, 256, (19, 17, 3), np.uint8)
    shares = [np.full((1, 1), share, np.float32) for share in (0.0, 0.5, 1.0)]
    none, half, every = (session(frame, denoise=share) for share in shares)
    assert not np.array_equal(none, half)
    assert not np.array_equal(half, every)
    assert np.array_equal(session(frame), every)


def test_models_of_two_stages_are_mixed(photos, tmp_path, tiny, lite0):
    values = TINY | {"features": str(lite0), "stage": "pixels"}
    paths = []
    for seed in (1, 2):
        settings = Settings("superres-distilled", values, "photos", 1, seed=seed)
        run = Run(superres_distilled, tmp_path / f"run{seed}", settings, photos)
        deque(train(run), maxlen=0)
        paths += api.export(run.folder)
    mixed = tmp_path / "mixed.onnx"
    interpolate.main([*map(str, paths), "0.5", str(mixed)])
    one, other, between = (interpolate.weights.stored(path) for path in (*paths, mixed))
    for name, value in between.items():
        assert torch.allclose(value, (one[name] + other[name]) / 2, atol=1e-3)
    assert Session(mixed).contract.conditions.keys() == {"denoise"}
