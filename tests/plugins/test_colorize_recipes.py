"""Recipes colorize and cvae-colorize: their terms are the papers', they learn, they export."""

import math

import numpy as np
import pytest
import skimage.data
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import cross_entropy, softplus

from gantool import api
from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training import degrade, metrics
from gantool.training.layouts import find
from gantool_colorize import chroma, classes, network
from gantool_colorize.colorize import colorize, falling, late, picture_error
from gantool_colorize.crops import read_crops
from gantool_colorize.cvae import cvae_colorize, divergence

TINY = {"channels": 8, "crop": 64, "batch": 2}


def tiny(**options):
    torch.manual_seed(0)
    return colorize(**{**TINY, "judging": 4, **options})


def batch_of(size: int = 64) -> dict[str, torch.Tensor]:
    target = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    grey = network.luma(target).expand(-1, 3, -1, -1)
    weight = torch.ones(2, 1, size // 4, size // 4)
    return {"input": grey, "target": target, "weight": weight}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        photo = np.ascontiguousarray(getattr(skimage.data, name)())
        write_image(folder / f"{name}.png", degrade.to_side(photo, 96), Carry())
    return folder


def test_torch_and_numpy_mean_the_same_by_chroma():
    frame = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    pixels = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    ours = network.chroma_of(pixels)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - chroma.chroma(frame)).max() < 1e-6
    wide = 2 * network.chroma_of(pixels)
    told = network.coloured(network.luma(pixels), wide)[0].permute(1, 2, 0).numpy()
    merged = chroma.in_gamut(chroma.luma(frame)[..., None], wide[0].permute(1, 2, 0).numpy())
    assert np.abs(told - merged).max() < 1e-5


def test_the_network_keeps_the_luma_and_looks_at_nothing_else():
    net = tiny().networks["generator"].eval()
    torch.nn.init.normal_(net.last.weight, 0, 1)
    x = batch_of(96)["target"]
    made = net(x)
    assert (network.luma(made) - network.luma(x)).abs().max() < 1e-5
    assert made.min() >= -1e-6
    assert made.max() <= 1 + 1e-6
    assert torch.allclose(net(network.luma(x).expand(-1, 3, -1, -1)), made, atol=1e-3)


def test_the_error_is_what_psnr_goes_by():
    batch = batch_of()
    chroma = torch.zeros(2, 2, 64, 64)
    psnr = [
        metrics.psnr_rgb(*((255 * each).permute(1, 2, 0).numpy() for each in pair))
        for pair in zip(batch["input"], batch["target"], strict=True)
    ]
    wanted = -np.mean(psnr) / 20 * math.log(10)
    assert picture_error(chroma, batch["target"]).item() == pytest.approx(wanted, abs=0.01)


def test_the_gan_begins_when_it_is_its_time_and_is_the_papers():
    system, batch = tiny(gan=0.5, start=0.5), batch_of()
    generator, discriminator = system.phases()
    assert set(system.loss(generator, batch, 0.49)) == {"error"}
    terms = system.loss(generator, batch, 0.5)
    net = system.networks["generator"]
    judge = lambda x: system.networks["discriminator"](torch.nn.functional.avg_pool2d(x, 2))  # noqa: E731
    picture = network.coloured(network.luma(batch["target"]), net.chroma_of(system.found.thing))
    fake, real = judge(picture), judge(batch["target"])
    assert terms["gan"].item() == pytest.approx(0.5 * softplus(-fake).mean().item(), rel=1e-4)
    judged = system.loss(discriminator, batch, 0.5)["gan"].item()
    wanted = (softplus(-real).mean() + softplus(fake).mean()).item()
    assert judged == pytest.approx(wanted, rel=1e-4)


def test_the_discriminator_learns_alone_before_it_is_listened_to():
    generator, discriminator = tiny(gan=0.5, start=0.5).phases()
    assert (discriminator.rate(0.44), discriminator.rate(0.46)) == (0.0, 1.0)
    assert late(0.1, start=0.2) == 0
    assert falling(0.0, start=0.5) == pytest.approx(1)
    assert falling(0.5, start=0.5) == pytest.approx(0.1)
    assert [phase.name for phase in tiny(gan=0.0).phases()] == ["generator"]


def test_classes_are_those_that_there_are():
    """Each has a luma that can have it, and all colours of the cube are near one."""
    added = network.offsets(classes.CENTRES[:, :, None, None])[..., 0, 0]
    assert (added.amax(1) - added.amin(1)).max() <= 1
    cube = torch.rand(4000, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    away = torch.cdist(network.chroma_of(cube)[..., 0, 0], classes.CENTRES).amin(1)
    assert away.max() < classes.STEP


def test_the_error_of_classes_is_the_cross_entropy_with_the_pixels_own():
    index = 40
    colours = classes.CENTRES[index].view(1, 2, 1, 1).expand(1, 2, 8, 8)
    logits = torch.randn(1, len(classes.CENTRES), 2, 2, generator=torch.Generator().manual_seed(0))
    one = torch.ones(1, 1, 2, 2)
    found = classes.class_error(logits, colours, one).item()
    whole = cross_entropy(logits, torch.full((1, 2, 2), index)).item()
    assert abs(found - whole) < 0.35 * whole  # its neighbours have a share
    sure = torch.zeros_like(logits)
    sure[:, index] = 9
    assert classes.class_error(sure, colours, one) < found
    assert classes.class_error(logits, colours, 3 * one).item() == pytest.approx(3 * found)


def test_rare_classes_weigh_more_and_one_in_the_mean(photos):
    frames = [degrade.to_side(np.ascontiguousarray(skimage.data.coffee()), 64)]
    weights = classes.rarity(frames)
    small = degrade.resize(frames[0], 32, 32)
    met = np.zeros_like(weights)
    np.add.at(met, tuple(classes.places(small).T), 1)
    assert weights[met == 0].min() >= weights[met > 0].max()
    assert weights[met == met.max()] == weights.min()


def test_an_even_distribution_weighs_all_classes_alike(photos):
    frames = [degrade.to_side(np.ascontiguousarray(skimage.data.coffee()), 64)]
    assert np.allclose(classes.rarity(frames, 1.0), 1)
    assert classes.rarity(frames, 0.2).max() > classes.rarity(frames, 0.8).max()


def test_a_low_temperature_takes_the_likeliest_class():
    found = torch.zeros(1, len(classes.CENTRES), 4, 4)
    found[:, 17], found[:, 90] = 1, 0.5
    sharp = classes.ClassNet(8, temperature=0.01).chroma_of(found)[0, :, 5, 5]
    assert torch.allclose(sharp, classes.CENTRES[17], atol=1e-4)
    soft = classes.ClassNet(8, temperature=1.0).chroma_of(found)[0, :, 5, 5]
    assert soft.norm() < sharp.norm()


@pytest.mark.parametrize("options", [{"uniform": 0.0}, {"uniform": 1.5}, {"temperature": 0.0}])
def test_means_over_classes_that_there_are_not(options):
    ((name, _),) = options.items()
    with pytest.raises(UsageError, match=f"{name}=.*: must be above 0"):
        tiny(mode="classes", **options)


def test_a_sure_class_is_its_colour():
    net = classes.ClassNet(8)
    found = torch.zeros(1, len(classes.CENTRES), 4, 4)
    found[:, 17] = 50
    assert torch.allclose(net.chroma_of(found)[0, :, 5, 5], classes.CENTRES[17], atol=1e-4)


@pytest.mark.parametrize("weighed", [False, True])
def test_samples_repeat_and_are_a_photograph_without_its_colours(photos, weighed):
    data = read_crops(find(photos), 64, 4, uniform=0.5 if weighed else None)
    for item in range(12):
        one, again = data.sample(3, 7, item), data.sample(3, 7, item)
        assert all(torch.equal(one[name], again[name]) for name in one)
        assert one["input"].shape == one["target"].shape == (3, 64, 64)
        assert torch.equal(one["input"][0], one["input"][2])
        off = network.luma(one["target"][None])[0] - one["input"][:1]
        assert off.abs().mean() < 0.03  # grain
    assert ("weight" in one) == weighed


def test_the_divergence_is_kullbacks():
    random = torch.Generator().manual_seed(0)
    one, other = ((torch.randn(5, 3, generator=random), torch.rand(5, 3) + 0.5) for _ in range(2))
    wanted = kl_divergence(Normal(*one), Normal(*other)).sum(1).mean().item()
    assert divergence(one, other).item() == pytest.approx(wanted, rel=1e-5)


def test_the_code_of_the_colours_reaches_the_picture():
    torch.manual_seed(0)
    system, batch = cvae_colorize(**TINY), batch_of()
    terms = system.loss(system.phases()[0], batch, 0.0)
    assert set(terms) == {"error", "kl"}
    assert terms["kl"] > 0
    sum(terms.values()).backward()
    for name, net in system.networks.items():
        assert all(weight.grad is not None for weight in net.parameters()), name
    generator = system.networks["generator"].eval()
    z = torch.randn(2, 8)
    assert torch.equal(generator(batch["input"]), generator(batch["input"], 0 * z))
    assert not torch.allclose(generator(batch["input"]), generator(batch["input"], z))


def trained(recipe: str, photos, folder, **options):
    given = {name: str(value) for name, value in options.items()}
    chosen = api.TrainOptions(output=folder, preset="tiny", given=given, device="cpu")
    run = api.prepare_training(recipe, photos, chosen)
    list(api.train(run))
    (path,) = api.export(run.folder)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["regression", "classes"])
def test_four_photographs_are_learnt_and_the_model_file_knows_them(mode, photos, tmp_path):
    path = trained("colorize", photos, tmp_path / "run", mode=mode, steps=600, gan=0, batch=4)
    model = api.load(str(path), device="cpu")
    assert (model.contract.multiple, model.contract.statistics) == (32, "global")
    gains = []
    for photo in sorted(photos.glob("*.png")):
        frame, _ = read_image(photo)
        grey = degrade.grey(frame)
        gains.append(metrics.psnr_rgb(model(grey), frame) - metrics.psnr_rgb(grey, frame))
    assert np.mean(gains) > 1


@pytest.mark.slow
def test_many_colourings_start_from_one(photos, tmp_path):
    start = trained("colorize", photos, tmp_path / "one", steps=20, gan=0)
    options = api.TrainOptions(
        output=tmp_path / "many", preset="tiny", given={"steps": "20"}, init=str(start)
    )
    run = api.prepare_training("cvae-colorize", photos, options)
    list(api.train(run))
    (path,) = api.export(run.folder)
    model = api.load(str(path), device="cpu")
    frame = degrade.grey(read_image(photos / "coffee.png")[0])
    z = np.full((1, 8), 2, np.float32)
    assert np.array_equal(model(frame), model(frame, z=0 * z))
    assert not np.array_equal(model(frame), model(frame, z=z))


def test_weights_of_another_width_do_not_fit():
    with pytest.raises((KeyError, RuntimeError)):
        network.restore(network.DiverseNet(8), {"first.weight": torch.zeros(1)})


def test_crops_must_be_multiples_of_the_stride():
    with pytest.raises(UsageError, match="crop=100: must be a multiple of 32"):
        colorize(crop=100)
