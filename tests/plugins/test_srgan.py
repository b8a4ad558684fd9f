"""Laws of the recipe srgan."""

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import api
from gantool.errors import ModelError, UsageError
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.adversarial import relativistic_discriminator, relativistic_generator
from gantool.training.batches import collate
from gantool.training.networks.vgg import VggFeatures
from gantool.training.penalties import feature_matching
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool.training.spectral import spectral_distance, stride_distance
from gantool_superres import srgan as module
from gantool_superres.fidelity import superres_fidelity
from gantool_superres.srgan import falling, late, srgan

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"scale": 4, "channels": 8, "layers": 1, "critic": 4, "batch": 2, "crop": 8}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures with edges and shades."""
    root = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:72, :88]
    for number in range(3):
        circles = np.hypot(x - 30 - 9 * number, y - 40) % (9 + number) < 4
        shades = np.dstack([circles * 190 + x // 2, circles * 120 + y, 200 - circles * 150])
        Image.fromarray(shades.astype(np.uint8)).save(root / f"{number}.png")
    return root


def batch_of(number: int = 2) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        "low": torch.rand(number, 3, 8, 8, generator=random),
        "high": torch.rand(number, 3, 32, 32, generator=random),
    }


def vgg_file(folder: Path) -> Path:
    torch.manual_seed(0)
    own = VggFeatures("conv2_2").state_dict()
    weights = {name: torch.randn(value.shape) * 0.05 for name, value in own.items()}
    torch.save(weights, folder / "vgg19.pth")
    return folder / "vgg19.pth"


@pytest.mark.parametrize("preset", module.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(srgan, module.PRESETS, preset, {})
    assert values.pop("steps") >= 500
    system = srgan(**values)
    assert tuple(system.networks["generator"](torch.rand(1, 3, 4, 5)).shape) == (1, 3, 16, 20)


def test_before_the_start_there_are_pixels_and_spectra_alone():
    system, batch = srgan(**TINY, frequency=0.5, start=0.3), batch_of()
    generator, _ = system.phases()
    loss = system.loss(generator, batch, 0.299)
    guess = system.networks["generator"](batch["low"])
    assert loss.keys() == {"l1", "frequency"}
    assert loss["l1"].item() == pytest.approx((guess - batch["high"]).abs().mean().item())
    wanted = 0.5 * spectral_distance(guess, batch["high"]).item()
    assert loss["frequency"].item() == pytest.approx(wanted)


@pytest.mark.parametrize("kind", ["patches", "unet"])
def test_from_the_start_on_the_discriminator_has_its_say(kind):
    system = srgan(**TINY, discriminator=kind, gan=0.1, stride=4.0, matching=2.0, start=0.3)
    batch = batch_of()
    for network in system.networks.values():
        network.eval()  # spectral normalisation then stands still
    generator, judge = system.phases()
    loss = system.loss(generator, batch, 0.3)
    guess = system.networks["generator"](batch["low"]).detach()
    real, sharp = system.networks["discriminator"].judged(batch["high"])
    fake, ours = system.networks["discriminator"].judged(guess)
    assert loss.keys() == {"l1", "frequency", "gan", "stride", "matching"}
    assert loss["gan"].item() == pytest.approx(0.1 * relativistic_generator(real, fake).item())
    wanted = 4 * stride_distance(guess, batch["high"], 4)
    assert loss["stride"].item() == pytest.approx(wanted.item())
    assert loss["matching"].item() == pytest.approx(2 * feature_matching(sharp, ours).item())
    judged = system.loss(judge, batch, 0.3)["gan"]
    assert judged.item() == pytest.approx(relativistic_discriminator(real, fake).item())
    judged.backward()
    assert all(each.grad is None for each in system.networks["generator"].parameters())


def test_a_file_of_vgg_adds_the_content_term(tmp_path):
    path = vgg_file(tmp_path)
    system = srgan(**TINY, features=str(path), depth="conv2_2", content=0.5, start=0.0)
    batch = batch_of()
    loss = system.loss(system.phases()[0], batch, 0.0)
    guess = system.networks["generator"](batch["low"])
    wanted = 0.5 * (system.content(guess) - system.content(batch["high"])).abs().mean()
    assert loss["content"].item() == pytest.approx(wanted.item(), rel=1e-4)
    loss["content"].backward()
    assert all(each.grad is None for each in system.content.parameters())
    assert any(each.grad is not None for each in system.networks["generator"].parameters())


def test_vgg_is_no_part_of_the_run(tmp_path):
    system = srgan(**TINY, features=str(vgg_file(tmp_path)), depth="conv2_2")
    assert system.networks.keys() == {"generator", "discriminator"}


def test_a_missing_file_of_vgg_is_refused(tmp_path):
    with pytest.raises(ModelError, match="vgg19.pth: no such file"):
        srgan(**TINY, features=str(tmp_path / "vgg19.pth"))


@pytest.mark.parametrize(("scale", "crop"), [(4, 9), (3, 10), (2, 10)])
def test_crops_that_the_discriminator_cannot_halve_are_refused(scale, crop):
    with pytest.raises(UsageError, match=f"crop={crop}: .* multiple of 8"):
        srgan(**TINY | {"scale": scale, "crop": crop})


def test_the_discriminator_has_its_first_turn_a_little_before_the_start():
    generator, judge = srgan(**TINY, start=0.5, rate=1e-3, gan_rate=1e-4).phases()
    assert judge.rate(0.44) == 0
    assert judge.rate(0.46) == 1
    assert generator.rate(0.0) == 1
    assert generator.rate(0.5) == pytest.approx(0.1)
    assert generator.frozen == ("discriminator",)


def test_rates_fall_to_a_twentieth():
    assert [late(at, start=0.2) for at in (0.0, 0.19, 0.2, 0.6)] == [0, 0, 1, 1]
    assert late(0.8, start=0.2) == pytest.approx((1 + 0.05) / 2)
    assert late(1.0, start=0.2) == pytest.approx(0.05)
    rates = [falling(step / 100, start=0.3, drop=0.2) for step in range(101)]
    assert rates == sorted(rates, reverse=True)
    assert rates[15] == pytest.approx((1 + 0.2) / 2)
    assert rates[30] == pytest.approx(0.2)
    assert rates[100] == pytest.approx(0.2 * 0.05)


def test_inputs_are_degraded_and_in_their_shares(photos):
    data = srgan(**TINY, clean=1.0, light=0.0).dataset(photos, "train")
    harmed = srgan(**TINY, clean=0.0, light=0.0).dataset(photos, "train")
    for item in range(4):
        one, other = data.sample(1, 2, item), harmed.sample(1, 2, item)
        assert tuple(one["low"].shape) == (3, 8, 8)
        assert tuple(one["high"].shape) == (3, 32, 32)
        assert torch.equal(one["high"], other["high"])
        assert not torch.equal(one["low"], other["low"])
    again = harmed.sample(1, 2, 0)
    assert torch.equal(again["low"], harmed.sample(1, 2, 0)["low"])


def test_networks_of_the_fidelity_recipe_fit():
    theirs = superres_fidelity().networks["generator"].state_dict()
    srgan().networks["generator"].load_state_dict(theirs)


def test_trained_exported_and_run(photos, tmp_path):
    settings = Settings("srgan", {**TINY, "start": 0.5}, "photos", 12)
    run = Run(srgan, tmp_path, settings, photos)
    before = {name: each.clone() for name, each in judge_of(run).items()}
    deque(train(run, options.Limits(max_steps=5)), maxlen=0)
    assert all(torch.equal(before[name], each) for name, each in judge_of(run).items())
    deque(train(run), maxlen=0)
    assert not all(torch.equal(before[name], each) for name, each in judge_of(run).items())
    (model,) = api.export(run.folder)
    result = Session(model)(np.full((9, 7, 3), 120, np.uint8))
    assert result.shape == (36, 28, 3)
    batch = collate(run.system.dataset(photos, "train"), 0, 99, range(2))
    shown = run.system.preview(run.ema.networks, batch)
    assert tuple(shown["result"].shape) == tuple(shown["target"].shape) == (2, 3, 32, 32)


def judge_of(run: Run) -> dict[str, torch.Tensor]:
    return dict(run.system.networks["discriminator"].named_parameters())


def test_resumed_equals_straight(photos, tmp_path):
    def trained(folder: Path, *sessions: int) -> Run:
        settings = Settings("srgan", {**TINY, "start": 0.4}, "photos", 8)
        for steps in sessions:
            run = Run(srgan, folder, settings, photos)
            deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
        return run

    straight, resumed = trained(tmp_path / "a", 8), trained(tmp_path / "b", 5, 3)
    for name in ("generator", "discriminator"):
        one, other = (run.system.networks[name] for run in (straight, resumed))
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_trained_for_integers_its_ranges_are_seen_by_both_phases_and_held_at_the_end():
    system = srgan(**TINY, quantise="int8")
    points = [*system.networks["generator"].points()]
    late_batch, early_batch = batch_of(), batch_of()
    for phase in system.phases():
        system.loss(phase, early_batch, 0.5)
    held = [each.bounds.clone() for each in points]
    assert all(each.any() for each in held)
    late_batch["low"] = 3 * late_batch["low"]
    system.loss(system.phases()[0], late_batch, 0.9)
    assert all(map(torch.equal, held, (each.bounds for each in points)))
    assert [each.variant for each in system.exports()] == ["", "int8"]
