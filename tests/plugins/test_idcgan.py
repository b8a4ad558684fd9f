"""Laws of the recipe idcgan."""

import copy
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool import api
from gantool.errors import UsageError
from gantool.export import export
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.adversarial import minimax_discriminator, nonsaturating_generator
from gantool.training.batches import collate
from gantool.training.networks.plain import fuse, unfuse
from gantool.training.networks.vgg import VggFeatures
from gantool.training.penalties import feature_matching
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_derain import idcgan as module
from gantool_derain.idcgan import euclidean, falling, idcgan, late
from gantool_derain.network import Derainer

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"channels": 8, "layers": 1, "critic": 4, "batch": 2, "crop": 32}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Pictures with edges and shades."""
    root = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:72, :88]
    for number in range(3):
        circles = np.hypot(x - 30 - 9 * number, y - 40) % (9 + number) < 4
        shades = np.dstack([circles * 150 + x // 2, circles * 90 + y, 180 - circles * 150])
        Image.fromarray(shades.astype(np.uint8)).save(root / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Two pairs in A and B: what is in A is 40 brighter."""
    root = tmp_path_factory.mktemp("pairs")
    for number in range(2):
        frame = np.random.default_rng(number).integers(0, 200, (40, 48, 3), np.uint8)
        for name, picture in (("A", frame + 40), ("B", frame)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(picture.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def batch_of() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {name: torch.rand(2, 3, 32, 32, generator=random) for name in ("input", "target")}


def stirred(system):
    """With a residual: untrained there is none."""
    torch.manual_seed(1)
    for weight in system.networks["generator"].last[-1].parameters():
        torch.nn.init.normal_(weight, 0, 0.05)
    return system


@pytest.mark.parametrize("preset", module.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(idcgan, module.PRESETS, preset, {"weather": "snow"})
    assert values.pop("steps") >= 500
    system = idcgan(**values)
    assert tuple(system.networks["generator"](torch.rand(1, 3, 8, 12)).shape) == (1, 3, 8, 12)


def test_an_untrained_network_leaves_the_picture_as_it_is():
    picture = torch.rand(1, 3, 16, 20)
    assert torch.equal(Derainer(8, 2)(picture), picture)


def test_before_the_start_there_is_the_euclidean_loss_alone():
    system, batch = stirred(idcgan(**TINY, start=0.5)), batch_of()
    loss = system.loss(system.phases()[0], batch, 0.499)
    guess = system.networks["generator"](batch["input"])
    assert loss.keys() == {"euclidean"}
    distances = torch.linalg.vector_norm(guess - batch["target"], dim=1)
    assert loss["euclidean"].item() == pytest.approx(distances.mean().item(), rel=2e-3)


def test_from_the_start_on_the_losses_are_the_papers():
    system, batch = stirred(idcgan(**TINY, start=0.5, adversarial=0.2, perceptual=3.0)), batch_of()
    generator, discriminator = system.phases()
    loss = system.loss(generator, batch, 0.5)
    judge = system.networks["discriminator"]
    guess = system.networks["generator"](batch["input"]).detach()
    real, theirs = judge.judged(torch.cat([batch["input"], batch["target"]], 1))
    fake, ours = judge.judged(torch.cat([batch["input"], guess], 1))
    assert loss.keys() == {"euclidean", "adversarial", "perceptual"}
    assert loss["adversarial"].item() == pytest.approx(0.2 * nonsaturating_generator(fake).item())
    assert loss["perceptual"].item() == pytest.approx(3 * feature_matching(theirs, ours).item())
    judged = system.loss(discriminator, batch, 0.5)["adversarial"]
    assert judged.item() == pytest.approx(minimax_discriminator(real, fake).item())
    judged.backward()
    assert all(each.grad is None for each in system.networks["generator"].parameters())


def test_a_file_of_vgg_takes_the_place_of_the_discriminators_features(tmp_path):
    torch.manual_seed(0)
    own = VggFeatures("conv2_2").state_dict()
    weights = {name: torch.randn(value.shape) * 0.05 for name, value in own.items()}
    torch.save(weights, tmp_path / "vgg19.pth")
    given = {"features": str(tmp_path / "vgg19.pth"), "perceptual": 0.5, "start": 0.0}
    system, batch = stirred(idcgan(**TINY, **given)), batch_of()
    loss = system.loss(system.phases()[0], batch, 0.0)
    guess = system.networks["generator"](batch["input"])
    wanted = 0.5 * (system.vgg(guess) - system.vgg(batch["target"])).abs().mean()
    assert loss["perceptual"].item() == pytest.approx(wanted.item())


def test_a_weight_of_nothing_leaves_the_perceptual_loss_out():
    system = idcgan(**TINY, start=0.0, perceptual=0.0)
    loss = system.loss(system.phases()[0], batch_of(), 0.0)
    assert loss.keys() == {"euclidean", "adversarial"}


def test_equal_pictures_are_at_no_distance_and_their_gradient_is_a_number():
    one = torch.rand(1, 3, 4, 4, requires_grad=True)
    distance = euclidean(one, one.detach(), 1e-3)
    distance.backward()
    assert distance.item() == 0
    assert one.grad.isfinite().all()


def test_softened_small_distances_count_by_their_square_and_large_ones_as_they_are():
    near, far = torch.full((1, 3, 2, 2), 0.001), torch.full((1, 3, 2, 2), 2.0)
    zero = torch.zeros_like(near)
    assert euclidean(near, zero, 0.1).item() == pytest.approx(3 * 0.001**2 / 0.2, rel=1e-3)
    assert euclidean(far, zero, 0.1).item() == pytest.approx(2 * 3**0.5 - 0.1, rel=1e-3)


def test_the_rates_of_generator_and_discriminator():
    rates = [falling(step / 10) for step in range(11)]
    assert rates[0] == 1
    assert rates[10] == pytest.approx(0.01)
    assert rates == sorted(rates, reverse=True)
    assert [late(each, start=0.5) for each in (0, 0.49, 0.5, 1)] == [0, 0, 1, 1]


def test_samples_are_functions_of_seed_step_and_item(photos):
    one, other = (idcgan(**TINY).dataset(photos, "train") for _ in range(2))
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2**40, 7)]
    found = [one.sample(*place)["input"] for place in places]
    assert all(
        torch.equal(sample, other.sample(*place)["input"])
        for sample, place in zip(found, places, strict=True)
    )
    assert len({sample.numpy().tobytes() for sample in found}) == len(places)


@pytest.mark.parametrize("weather", ["rain", "snow"])
def test_a_share_of_crops_is_clean_and_the_others_are_brighter(photos, weather):
    data = idcgan(**TINY, weather=weather, clean=0.3).dataset(photos, "train")
    samples = [data.sample(0, 0, item) for item in range(200)]
    same = sum(torch.equal(each["input"], each["target"]) for each in samples)
    assert 0.3 * 200 * 0.7 < same < 0.3 * 200 * 2  # sparse rain spares some small crops too
    assert all((each["input"] >= each["target"]).all() for each in samples)


def test_pairs_are_taken_as_they_are(folders):
    data = idcgan(**TINY).dataset(folders, "train")
    batch = collate(data, 0, 0, range(data.size))
    assert tuple(batch["input"].shape) == (2, 3, 32, 32)
    assert torch.allclose(batch["input"] - batch["target"], torch.tensor(40 / 255), atol=1e-6)
    assert batch["target"].min() >= 0


def test_pairs_smaller_than_the_crop_are_refused(folders):
    with pytest.raises(UsageError, match=r"a pair of 48×40 pixels: train with a smaller crop"):
        idcgan(**TINY | {"crop": 44}).dataset(folders, "train")


def test_a_crop_that_the_strides_do_not_divide_is_refused():
    with pytest.raises(UsageError, match="crop=30: must be a multiple of 4"):
        idcgan(**TINY | {"crop": 30})


@pytest.mark.slow
def test_the_model_file_is_local_and_looks_no_farther_than_64_pixels(tmp_path):
    system = stirred(idcgan(channels=8, critic=4))
    (wanted,) = system.exports()
    path = tmp_path / "rain.onnx"
    contract = export(system.networks["generator"], wanted, path, facts={})
    assert (contract.task, contract.multiple, contract.align) == ("derain", 4, 4)
    assert contract.statistics == "local"
    assert 32 < contract.halo <= 64
    frame = np.random.default_rng(0).integers(0, 256, (75, 90, 3), np.uint8)
    whole, tiles = (Session(path, tile=size)(frame).astype(int) for size in (None, 32))
    assert np.abs(whole - frame).max() > 3
    assert np.abs(whole - tiles).max() <= 1


@torch.no_grad()
def test_a_training_begins_where_a_fused_network_stood():
    network, x = Derainer(4, 2), torch.rand(1, 3, 16, 20)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    wanted = network(x)
    weights = fuse(copy.deepcopy(network)).state_dict()
    other = Derainer(4, 2)
    unfuse(other, weights)
    torch.testing.assert_close(other(x), wanted, rtol=0, atol=1e-5)
    for name in ("down.weight", "body.0.weight"):
        with pytest.raises(KeyError):
            unfuse(other, {each: tensor for each, tensor in weights.items() if each != name})


def trained(photos: Path, folder: Path, *sessions: int) -> Run:
    settings = Settings("idcgan", {**TINY, "start": 0.5}, "photos", 8)
    for steps in sessions:
        run = Run(idcgan, folder, settings, photos)
        deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
    return run


def test_resumed_equals_straight(photos, tmp_path):
    straight, resumed = trained(photos, tmp_path / "a", 8), trained(photos, tmp_path / "b", 5, 3)
    for name in ("generator", "discriminator"):
        one, other = (run.system.networks[name] for run in (straight, resumed))
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_a_run_is_exported_and_shown(photos, tmp_path):
    run = trained(photos, tmp_path, 8)
    (model,) = api.export(run.folder)
    frame = np.full((9, 7, 3), 120, np.uint8)
    assert Session(model)(frame).shape == frame.shape
    batch = collate(run.system.dataset(photos, "train"), 0, 99, range(2))
    shown = run.system.preview(run.ema.networks, batch)
    assert {tuple(each.shape) for each in shown.values()} == {(2, 3, 32, 32)}
