"""Laws of the recipe superres-fidelity."""

from collections import deque
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.errors import UsageError
from gantool.export import export_run
from gantool.training import options, weights
from gantool.training.batches import collate
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_superres import fidelity
from gantool_superres.fidelity import cosine, superres_fidelity

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"scale": 2, "channels": 8, "layers": 1, "batch": 4, "crop": 12}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures with edges and shades, of which bilinear enlargement loses something."""
    root = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:72, :88]
    for number in range(3):
        circles = np.hypot(x - 30 - 9 * number, y - 40) % (9 + number) < 4
        shades = np.dstack([circles * 190 + x // 2, circles * 120 + y, 200 - circles * 150])
        Image.fromarray(shades.astype(np.uint8)).save(root / f"{number}.png")
    return root


@pytest.mark.parametrize("preset", fidelity.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(superres_fidelity, fidelity.PRESETS, preset, {"scale": "3"})
    assert values.pop("steps") >= 500
    system = superres_fidelity(**values)
    assert tuple(system.networks["generator"](torch.rand(1, 3, 4, 5)).shape) == (1, 3, 12, 15)


def test_the_rate_falls_by_a_cosine_to_a_hundredth():
    rates = [cosine(step / 10) for step in range(11)]
    assert rates[0] == 1
    assert rates[10] == pytest.approx(0.01)
    assert rates[5] == pytest.approx((1 + 0.01) / 2)
    assert rates == sorted(rates, reverse=True)


def test_the_loss_is_the_mean_absolute_difference():
    system = superres_fidelity(**TINY)
    batch = {"low": torch.rand(2, 3, 6, 6), "high": torch.rand(2, 3, 12, 12)}
    (phase,) = system.phases()
    loss = system.loss(phase, batch, 0.0)
    guess = system.networks["generator"](batch["low"])
    assert loss["l1"].item() == pytest.approx((guess - batch["high"]).abs().mean().item())


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_batches_are_as_the_options_say(photos, scale):
    data = superres_fidelity(scale=scale, batch=3, crop=8).dataset(photos, "train")
    sample = data.sample(seed=1, step=2, item=0)
    assert data.size == 3
    assert tuple(sample["low"].shape) == (3, 8, 8)
    assert tuple(sample["high"].shape) == (3, 8 * scale, 8 * scale)


def test_pictures_smaller_than_a_crop_with_its_margin_are_refused(photos):
    superres_fidelity(scale=4, crop=10).dataset(photos, "train")  # (10 + 2 · 4) · 4 = 72
    with pytest.raises(UsageError, match="at least 76 pixels: add larger ones, or train with a"):
        superres_fidelity(scale=4, crop=11).dataset(photos, "train")


def test_it_learns_what_bilinear_enlargement_misses(photos, tmp_path):
    settings = Settings("superres-fidelity", TINY | {"rate": 5e-3}, "photos", 200)
    run = Run(superres_fidelity, tmp_path, settings, photos)
    deque(train(run), maxlen=0)
    data, slow = run.system.dataset(photos, "train"), run.ema.networks["generator"]
    learned, bilinear = [], []
    for step in range(1000, 1010):  # crops that training has not seen
        batch = collate(data, 0, step, range(data.size))
        with torch.no_grad():
            anchor = torch.nn.functional.interpolate(batch["low"], scale_factor=2, mode="bilinear")
            learned.append((slow(batch["low"]) - batch["high"]).abs().mean().item())
        bilinear.append((anchor - batch["high"]).abs().mean().item())
    assert fmean(learned) < 0.9 * fmean(bilinear)


@pytest.mark.parametrize(
    ("precision", "quantise"), [("fp32", ""), ("bf16", ""), ("fp32", "int8"), ("bf16", "int8")]
)
def test_resumed_equals_straight(photos, tmp_path, precision, quantise):
    def trained(folder: Path, *sessions: int) -> Run:
        values = {**TINY, "quantise": quantise}
        settings = Settings("superres-fidelity", values, "photos", 6, precision=precision)
        for steps in sessions:
            run = Run(superres_fidelity, folder, settings, photos)
            deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
        return run

    straight, resumed = trained(tmp_path / "a", 6), trained(tmp_path / "b", 2, 4)
    for kind in ("system", "ema"):
        one, other = (getattr(run, kind).networks["generator"] for run in (straight, resumed))
        mine, theirs = one.state_dict(), other.state_dict()  # ranges of activations too
        assert all(torch.equal(each, theirs[name]) for name, each in mine.items())


def test_the_export_says_task_and_scale():
    (wanted,) = superres_fidelity(scale=3).exports()
    assert (wanted.network, wanted.contract.task, wanted.contract.scale) == (
        "generator",
        "superres",
        3,
    )


def test_integers_start_from_a_run_or_its_file_and_are_exported_beside_floats(photos, tmp_path):
    def trained(name: str, steps: int, init: Path | None = None, **values: object) -> Run:
        settings = Settings("superres-fidelity", {**TINY, **values}, "photos", steps)
        run = Run(superres_fidelity, tmp_path / name, settings, photos, init=init)
        deque(train(run), maxlen=0)
        export_run(run.system, run.folder, settings, None, {})
        return run

    floats = trained("floats", 3)
    file = floats.folder / "floats.onnx"
    for number, init in enumerate((floats.folder, file)):
        run = trained(f"whole{number}", 1, init, rate=0.0, quantise="int8")
        names = sorted(each.name for each in run.folder.glob("*.onnx"))
        assert names == [f"whole{number}-int8.onnx", f"whole{number}.onnx"]
        mine = weights.stored(run.folder / f"whole{number}.onnx")
        theirs = weights.stored(file)
        assert all(torch.allclose(mine[name], theirs[name], atol=1e-3) for name in theirs)


def test_an_unknown_way_to_quantise_is_refused():
    given = {"quantise": "int4"}
    with pytest.raises(UsageError, match="^quantise=int4: there are int8$"):
        options.resolve(superres_fidelity, fidelity.PRESETS, "tiny", given)
