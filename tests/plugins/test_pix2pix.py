"""Recipe pix2pix: its terms are the paper's, it learns, and what it exports is what it learned."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gantool import api
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool_translate.pix2pix import level_then_falling, pix2pix


def tiny(**options):
    torch.manual_seed(0)
    return pix2pix(**{"generator": "unet-64", "channels": 4, "crop": 64, **options})


def test_terms_are_the_papers():
    system = tiny(l1=7.0)
    for network in system.networks.values():
        network.eval()  # no dropout, so that both know the same G(x)
    batch = {"input": torch.randn(2, 3, 64, 64), "target": torch.randn(2, 3, 64, 64)}
    terms = [dict(system.loss(phase, batch)) for phase in system.phases()]
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
    sum(system.loss(first, batch).values()).backward()
    assert all(p.grad is None for p in system.networks["generator"].parameters())
    assert any(p.grad is not None for p in system.networks["discriminator"].parameters())


def test_the_rate_is_level_and_then_falls():
    fractions = (0, 0.25, 0.5, 0.75, 1)
    assert [level_then_falling(each) for each in fractions] == [1, 1, 1, 0.5, 0]


@pytest.mark.slow
def test_trained_by_the_tool_and_run_by_it(tmp_path):
    """Two pairs by heart: the exported model repaints their inputs far better than the input."""
    random = np.random.default_rng(0)
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("a", "b"):
        shade = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(20, 0).repeat(20, 1)
        write_image(folder / f"{name}.png", np.hstack([shade, 255 - shade]), Carry())
    options = api.TrainOptions(
        output=tmp_path / "run",
        preset="tiny",
        given={"steps": "120", "channels": "12", "rate": "2e-3"},
    )
    run = api.prepare_training("pix2pix", folder, options)
    losses = [step.losses["generator/l1"] for step in run.train()]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    (path,) = api.export(run.folder)
    model = gantool_model(path)
    assert model.contract.statistics == "global"
    assert (model.contract.multiple, model.contract.value_range) == (64, (-1.0, 1.0))
    result = model(np.full((70, 90, 3), 30, np.uint8))
    assert result.shape == (70, 90, 3)


def gantool_model(path):
    return api.load(str(path), device="cpu")
