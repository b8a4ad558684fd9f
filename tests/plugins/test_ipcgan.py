"""Laws of the recipes ipcgan-age and age-estimator."""

from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gantool import api
from gantool.errors import UsageError
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.batches import collate
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_face_age import ipcgan, years
from gantool_face_age.ages import groups
from gantool_face_age.changes import chroma_gap, light_gap, tone_gap, variation
from gantool_face_age.disturb import disturbed
from gantool_face_age.estimator import AgeNet, AgePicture
from gantool_face_age.faces import Wanted, grouped, held_out, read_faces
from gantool_face_age.ipcgan import after, before, ipcgan_age, reducing
from gantool_face_age.network import LEAST, Ager
from gantool_face_age.years import against, age_estimator, read_estimator, sized, years_off

torch.set_num_threads(1)  # in networks this small threads only wait for each other
SMALL = {"channels": 4, "blocks": 1, "judging": 4, "reading": 8, "batch": 2, "side": 32}
RECIPES = {"ipcgan-age": (ipcgan_age, ipcgan), "age-estimator": (age_estimator, years)}


def write(root: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (5, 5, 3), np.uint8)
        Image.fromarray(noise).resize((40, 40), Image.Resampling.BICUBIC).save(path)
    return root


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Forty of them, from 3 to 101 years by their names."""
    ages = np.linspace(3, 101, 40).astype(int)
    return write(
        tmp_path_factory.mktemp("faces"), [f"{age}_0_{n}.png" for n, age in enumerate(ages)]
    )


def batch_of(
    ages: tuple[float, ...] = (20, 70), targets: tuple[float, ...] = (70, 70)
) -> dict[str, Tensor]:
    faces = torch.rand(len(ages), 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return {"input": faces, "age": torch.tensor(ages), "target": torch.tensor(targets)}


@pytest.mark.parametrize(
    ("name", "preset"),
    [(name, each) for name, (_, module) in RECIPES.items() for each in module.PRESETS],
)
def test_every_preset_fits_its_recipe(name, preset):
    recipe, module = RECIPES[name]
    values = options.resolve(recipe, module.PRESETS, preset, {})
    assert values.pop("steps") >= 400
    assert recipe(**values).phases()


def test_years_are_shared_between_the_two_nearest_groups():
    shares = groups(torch.tensor([18.0, 25.0, 30.0, 37.5, 75.0, 80.0]))
    assert torch.allclose(shares.sum(1), torch.ones(6))
    assert shares[0].tolist() == shares[1].tolist() == [1, 0, 0, 0, 0, 0]
    assert shares[2].tolist() == [0.5, 0.5, 0, 0, 0, 0]
    assert shares[3].tolist() == [0, 0.75, 0.25, 0, 0, 0]
    assert shares[4].tolist() == shares[5].tolist() == [0, 0, 0, 0, 0, 1]


def test_age_groups_are_those_of_the_card():
    found = grouped(np.array([18, 29, 30, 39, 40, 69, 70, 80], np.float32))
    assert found.tolist() == [0, 0, 1, 1, 2, 4, 5, 5]


def test_only_adults_are_trained_on_and_it_is_said(faces):
    data = read_faces(faces, "train", Wanted(18, 80, 1, 32, 2))
    assert min(data.ages) >= 18
    assert max(data.ages) <= 80
    young = sum(int(path.name.split("_")[0]) < 18 for path in faces.iterdir())
    old = sum(int(path.name.split("_")[0]) > 80 for path in faces.iterdir())
    assert data.left_out == f"left out {young} faces under 18 years and {old} over 80"


def test_of_ten_faces_one_is_held_out_by_its_name(faces):
    whole, parts = (read_faces(faces, "train", Wanted(18, 80, hold, 32, 2)) for hold in (1, 10))
    apart = {name for name in whole.names if held_out(name, 10)}
    assert apart
    assert set(parts.names) == set(whole.names) - apart


def test_folders_named_by_years_tell_the_age_too(tmp_path):
    root = write(tmp_path, ["21/a.png", "21/b.png", "34/a.png", "60/77_a.png"])
    data = read_faces(root, "train", Wanted(18, 80, 1, 32, 2))
    assert sorted(data.ages.tolist()) == [21, 21, 34, 60]


def test_a_name_without_an_age_is_refused(tmp_path):
    root = write(tmp_path, ["21_a.png", "anna.png"])
    with pytest.raises(UsageError, match=r"anna\.png: no age: faces are in folders named by their"):
        read_faces(root, "train", Wanted(18, 80, 1, 32, 2))


def test_a_folder_of_minors_is_refused(tmp_path):
    root = write(tmp_path, ["7_a.png", "17_b.png"])
    with pytest.raises(UsageError, match="2 faces, none from 18 to 80 years: add faces of adults"):
        read_faces(root, "train", Wanted(18, 80, 1, 32, 2))


def test_samples_are_functions_of_seed_step_and_item(faces):
    one, other = (ipcgan_age(**SMALL).dataset(faces, "train") for _ in range(2))
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2**40, 7)]
    found = [one.sample(*place)["input"] for place in places]
    again = [other.sample(*place)["input"] for place in places]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, again, strict=True))
    assert len({sample.numpy().tobytes() for sample in found}) == len(places)


def test_age_groups_are_drawn_equally_often_and_a_share_keeps_its_age(tmp_path):
    root = write(tmp_path, [f"{age}_{n}.png" for n, age in enumerate([20] * 17 + [45, 75])])
    data = read_faces(root, "train", Wanted(18, 80, 1, 32, 2))
    samples = [data.sample(0, 0, item) for item in range(300)]
    young = np.mean([sample["age"].item() == 20 for sample in samples])
    own = np.mean([torch.equal(sample["age"], sample["target"]) for sample in samples])
    assert abs(young - 1 / 3) < 0.1
    assert abs(own - 0.25) < 0.08
    assert all(18 <= sample["target"] <= 80 for sample in samples)


def test_the_generator_gives_the_face_and_a_masked_residual():
    torch.manual_seed(0)
    network, x = Ager(4, 1), torch.rand(2, 3, 16, 24)
    age = torch.tensor([[30.0], [70.0]])
    mask, residual = network.change(x, age)
    assert torch.equal(network(x, age), x + mask * residual)
    assert tuple(mask.shape) == (2, 1, 16, 24)
    assert LEAST <= mask.min() <= mask.max() <= 1
    assert residual.abs().max() <= 1
    alone = network(x[1:], age[1:])
    assert torch.allclose(network(x, age)[1:], alone, atol=1e-5)
    assert torch.equal(network(x[:1], torch.tensor([[18.0]])), network(x[:1]))


def test_what_has_learnt_on_small_faces_changes_large_ones_alike():
    torch.manual_seed(0)
    network, age = Ager(4, 1), torch.tensor([[60.0]])
    small = torch.rand(1, 3, 16, 16)
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    mask, residual = network.change(small, age)
    masks, residuals = reducing(network, times=4).change(large, age)
    assert masks.shape == (1, 1, 64, 64)
    for one, other in ((mask, masks), (residual, residuals)):
        assert (avg_pool2d(other, 4) - one).abs().mean() < 0.2 * one.std() + 1e-3
    assert torch.equal(network(large, age), large + masks * residuals)


def test_terms_are_those_that_are_stated():
    torch.manual_seed(0)
    weights = {"age": 3.0, "own": 7.0, "keep": 5.0, "tone": 2.0, "mask": 0.5}
    weights |= {"chroma": 4.0, "light": 6.0}
    system, batch = ipcgan_age(**SMALL, start=0.0, **weights), batch_of()
    _, generator, discriminator = system.phases()
    terms = system.loss(generator, batch, 0.5)
    mask, residual = system.networks["generator"].change(batch["input"], batch["target"][:, None])
    change = mask * residual
    gap = (change.abs() / 2 + 40 * change**2).mean((1, 2, 3))
    assert terms["own"].item() == pytest.approx(7 * gap[1].item() / 2, rel=1e-4)
    assert terms["keep"].item() == pytest.approx(5 * gap[0].item() / 2, rel=1e-4)
    tone = 2 * tone_gap(change, torch.zeros_like(change))
    assert terms["tone"].item() == pytest.approx(tone.item(), rel=1e-3)
    assert terms["mask"].item() == pytest.approx(0.5 * (mask.mean() + variation(mask)).item())
    colour = change - change.mean(1, keepdim=True)
    assert terms["chroma"].item() == pytest.approx(4 * colour.abs().mean().item(), rel=1e-3)
    light = avg_pool2d(change.mean(1, keepdim=True), 16).abs().mean()
    assert terms["light"].item() == pytest.approx(6 * light.item(), rel=1e-3)
    judged = system.loss(discriminator, batch, 0.5)
    sum(judged.values()).backward()
    assert all(each.grad is None for each in system.networks["generator"].parameters())


def test_only_real_faces_of_a_far_age_are_wrong_examples():
    system = ipcgan_age(**SMALL, start=0.0)
    discriminator = system.phases()[2]
    near = system.loss(discriminator, batch_of((65, 70), (70, 70)), 0.5)
    far = system.loss(discriminator, batch_of((20, 70), (70, 70)), 0.5)
    assert near["wrong"].item() == 0
    assert far["wrong"].item() > 0


def test_tone_is_of_broad_colours_alone():
    x, lines = torch.rand(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    lines[:, 0, ::2], lines[:, 0, 1::2] = 0.2, -0.2
    red = torch.tensor([0.3, 0, 0]).view(1, 3, 1, 1)
    assert tone_gap(x + 0.1, x).item() == pytest.approx(0, abs=1e-6)
    assert tone_gap(x + lines, x).item() == pytest.approx(0, abs=1e-6)
    assert tone_gap(x + red, x).item() == pytest.approx((0.2 + 0.1 + 0.1) / 3, abs=1e-5)


def test_chroma_is_of_single_pixels_and_light_of_broad_brightness():
    x, lines = torch.rand(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    lines[:, 0, ::2], lines[:, 0, 1::2] = 0.3, -0.3
    grey = lines[:, :1].expand(-1, 3, -1, -1)
    assert chroma_gap(x + lines, x).item() == pytest.approx((0.2 + 0.1 + 0.1) / 3, abs=1e-5)
    assert chroma_gap(x + grey, x).item() == pytest.approx(0, abs=1e-6)
    assert light_gap(x + grey, x).item() == pytest.approx(0, abs=1e-6)
    assert light_gap(x + lines, x).item() == pytest.approx(0, abs=1e-6)
    assert light_gap(x - 0.1, x).item() == pytest.approx(0.1, abs=1e-5)


def test_first_the_estimator_learns_then_the_others():
    fractions = (0, 0.1, 0.29, 0.3, 0.5, 1)
    assert [before(each, start=0.3) > 0 for each in fractions] == [True] * 3 + [False] * 3
    assert [after(each, start=0.3) > 0 for each in fractions] == [False] * 3 + [True] * 3
    assert before(0.0, start=0.0) == 0
    assert after(0.0, start=0.0) > 0


def test_disturbed_faces_are_of_their_size_differentiable_and_all_different():
    face = torch.rand(1, 3, 32, 32).expand(6, -1, -1, -1).contiguous().requires_grad_()
    torch.manual_seed(0)
    seen = disturbed(face)
    seen.sum().backward()
    assert seen.shape == face.shape
    assert face.grad.isfinite().all()
    assert len({each.detach().numpy().tobytes() for each in seen}) == 6


def trained(faces: Path, folder: Path, recipe: str, **given: object) -> Run:
    function, _ = RECIPES[recipe]
    steps = given.pop("sessions", (4,))
    run = None
    for many in steps:
        run = Run(function, folder, Settings(recipe, given, "faces", sum(steps)), faces)
        deque(train(run, options.Limits(max_steps=many)), maxlen=0)
    assert run is not None
    return run


def test_resumed_equals_straight(faces, tmp_path):
    one, other = (
        trained(faces, tmp_path / name, "ipcgan-age", sessions=sessions, **SMALL, start=0.5)
        for name, sessions in (("a", (6,)), ("b", (4, 2)))
    )
    for name, network in one.system.networks.items():
        theirs = other.system.networks[name].state_dict()
        assert all(torch.equal(each, theirs[key]) for key, each in network.state_dict().items())


def test_the_count_of_faces_left_out_is_told_as_training_begins(faces, tmp_path):
    run = Run(
        age_estimator,
        tmp_path,
        Settings("age-estimator", {"side": 32, "batch": 2, "channels": 8}, "", 1),
        faces,
    )
    told = [thing.text for thing in train(run) if hasattr(thing, "text")]
    assert told[0].startswith("left out")


@pytest.mark.slow
def test_an_estimator_is_a_file_that_the_other_recipe_starts_from(faces, tmp_path):
    run = trained(faces, tmp_path / "years", "age-estimator", channels=8, batch=4, side=32)
    (model,) = api.export(run.folder)
    frame = np.random.default_rng(0).integers(0, 65536, (32, 32, 3), np.uint16)
    read = Session(model)(frame)
    assert read.min() == read.max()
    network = run.ema.networks["estimator"]
    face = torch.from_numpy(frame.astype(np.float32) / 65535).permute(2, 0, 1)[None]
    assert 100 * read.mean() / 65535 == pytest.approx(
        100 * AgePicture(network)(face).mean().item(), abs=0.5
    )
    system = ipcgan_age(**SMALL, estimator=str(model))
    assert system.start == 0
    mine, theirs = system.networks["estimator"].eval()(face), network(face)
    assert mine.item() == pytest.approx(theirs.item(), abs=0.5)


def test_no_estimator_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="no such file: give a model of the recipe age-estimator"):
        read_estimator(tmp_path / "none.onnx")


@pytest.mark.slow
def test_a_trained_generator_is_a_file_that_is_asked_for_years(faces, tmp_path):
    run = trained(faces, tmp_path / "run", "ipcgan-age", **SMALL, start=0.5)
    models = {path.stem.split("-")[-1]: path for path in api.export(run.folder)}
    assert models.keys() == {"generator", "estimator"}
    session = Session(models["generator"])
    assert session.contract.conditions == {"age": {"shape": [1], "default": 0.0}}
    assert session.contract.statistics == "global"
    assert (session.contract.side, session.contract.multiple) == (128, 16)
    frame = np.random.default_rng(0).integers(0, 65536, (128, 128, 3), np.uint16)
    aged = session(frame, age=np.full((1, 1), 60, np.float32))
    face = torch.from_numpy(frame.astype(np.float32) / 65535).permute(2, 0, 1)[None]
    generator = reducing(run.ema.networks["generator"], times=4)
    wanted = generator(face, torch.tensor([[60.0]]))[0].clamp(0, 1)
    reducing(generator, times=1)
    assert np.abs(wanted.permute(1, 2, 0).numpy() * 65535 - aged).max() < 65535 / 255
    batch = collate(run.system.dataset(faces, "train"), 0, 99, range(2))
    shown = run.system.preview(run.ema.networks, batch)
    assert {tuple(each.shape) for each in shown.values()} == {(2, 3, 32, 32)}


def test_an_estimator_learns_what_is_to_be_seen():
    torch.manual_seed(0)
    network = AgeNet(8)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(60):
        age = 18 + 62 * torch.rand(16)
        faces = (age / 100).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
        optimizer.zero_grad()
        (network(faces) - age).abs().mean().backward()
        optimizer.step()
    old, young = network.eval()(torch.tensor([0.75, 0.25]).view(-1, 1, 1, 1).expand(-1, 3, 32, 32))
    assert old - young > 15


def test_a_robust_estimator_is_led_away_from_the_right_age_by_no_more_than_asked():
    torch.manual_seed(0)
    network, faces, age = AgeNet(8).eval(), torch.rand(4, 3, 32, 32), torch.full((4,), 30.0)
    nn.init.normal_(network.last.weight, std=0.01)  # steps are short against its bends
    change = against(network, faces, age, 2 / 255)
    assert change.square().mean((1, 2, 3)).sqrt().mul(255).tolist() == pytest.approx([2.0] * 4)
    chance = sized(torch.randn_like(faces), 2 / 255)
    with torch.no_grad():
        off = [years_off(network, faces + each, age) for each in (0, chance, change)]
    assert off[2] > off[0]
    assert off[2] > off[1]
