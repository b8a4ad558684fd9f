"""Recipe pix2pix: its terms are the paper's, it learns, and what it exports is what it learned."""

import numpy as np
import pytest
import skimage.data
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gantool import api
from gantool.export import round_weights
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.halo import run_float
from gantool.training import degrade
from gantool.training.loop import Progress
from gantool.training.metrics import psnr_rgb
from gantool_translate.pix2pix import level_then_falling, pix2pix


def tiny(**options):
    torch.manual_seed(0)
    return pix2pix(**{"generator": "unet-64", "channels": 4, "judging": 4, "crop": 64, **options})


def test_terms_are_the_papers():
    system = tiny(l1=7.0)
    for network in system.networks.values():
        network.eval()  # no dropout, so that both know the same G(x)
    batch = {"input": torch.randn(2, 3, 64, 64), "target": torch.randn(2, 3, 64, 64)}
    terms = [dict(system.loss(phase, batch, 0.0)) for phase in system.phases()]
    fake = system.networks["generator"](batch["input"])
    judge = system.networks["discriminator"]
    real = judge(torch.cat([batch["input"], batch["target"]], 1))
    made = judge(torch.cat([batch["input"], fake], 1))
    one, zero = torch.ones_like(real), torch.zeros_like(real)
    assert terms[0]["gan"].item() == pytest.approx((bce(real, one) + bce(made, zero)).item() / 2)
    assert terms[1]["gan"].item() == pytest.approx(bce(made, one).item())
    distance = (fake - batch["target"]).abs().mean()
    assert terms[1]["l1"].item() == pytest.approx(7 * distance.item())


def test_each_phase_moves_its_own_network():
    system = tiny()
    batch = {"input": torch.randn(1, 3, 64, 64), "target": torch.randn(1, 3, 64, 64)}
    first, _ = system.phases()
    sum(system.loss(first, batch, 0.0).values()).backward()
    assert all(p.grad is None for p in system.networks["generator"].parameters())
    assert any(p.grad is not None for p in system.networks["discriminator"].parameters())


def test_the_rate_is_level_and_then_falls():
    fractions = (0, 0.25, 0.5, 0.75, 1)
    assert [level_then_falling(each) for each in fractions] == [1, 1, 1, 0.5, 0]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """Four pairs of photographs and their negatives, trained by heart."""
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        photo = getattr(skimage.data, name)()
        side = min(photo.shape[:2])
        small = degrade.resize(np.ascontiguousarray(photo[:side, :side]), 72, 72)
        negative = 255 - small[..., [1, 2, 0]]
        write_image(folder / f"{name}.png", np.hstack([small, negative]), Carry())
    given = {"steps": "800", "channels": "16", "judging": "8", "batch": "4", "rate": "1e-3"}
    options = api.TrainOptions(output=folder / "run", preset="tiny", given=given, device="cpu")
    run = api.prepare_training("pix2pix", folder, options)
    losses = [each.losses["generator/l1"] for each in api.train(run) if isinstance(each, Progress)]
    assert np.mean(losses[-10:]) < 0.3 * np.mean(losses[:10])
    (path,) = api.export(run.folder)
    return run, api.load(str(path), device="cpu")


@pytest.mark.slow
def test_four_pairs_are_learnt_by_heart_and_the_model_file_knows_them(learnt):
    run, model = learnt
    data, _ = run.data()
    levels = []
    for item in range(8):
        sample = data.sample(1, 2**41, item)
        given, target = (
            np.round((sample[name].permute(1, 2, 0).numpy() + 1) * 127.5).astype(np.uint8)
            for name in ("input", "target")
        )
        levels.append(psnr_rgb(model(given), target))
    assert np.mean(levels) >= 29.5


@pytest.mark.slow
def test_the_model_file_is_the_network_to_the_last_digits(learnt):
    """Its floats at several sizes in a batch of 3, and its pixels at odd sizes, mirrored to fit."""
    run, model = learnt
    assert (model.contract.statistics, model.contract.multiple) == ("global", 64)
    torch.manual_seed(0)
    network = round_weights(run.ema.networks["generator"])
    for height, width in ((64, 64), (128, 64), (64, 192)):
        batch = torch.rand(3, 3, height, width) * 2 - 1
        with torch.no_grad():
            ours = network(batch).numpy()
        assert np.abs(run_float(model.path, batch.numpy()) - ours).max() <= 5e-5
        pixels = np.round((batch.permute(0, 2, 3, 1).numpy() + 1) * 127.5).astype(np.uint8)
        assert np.abs(model.run(pixels) - levels_of(network, pixels)).max() <= 1
    for height, width in ((61, 83), (97, 45)):
        frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        more = [(0, -side % 64) for side in (height, width)]
        fitting = np.pad(frame, (*more, (0, 0)), "reflect")[None]
        wanted = levels_of(network, fitting)[0, :height, :width]
        assert np.abs(model(frame) - wanted).max() <= 1


def levels_of(network, pixels):
    """N×H×W×3 uint8 → what torch makes of it, as whole levels."""
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        made = (network(batch).permute(0, 2, 3, 1) + 1) * 127.5
    return made.clamp(0, 255).round().numpy()
