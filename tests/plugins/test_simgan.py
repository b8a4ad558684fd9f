"""Laws of the recipe simgan: its losses by hand, its buffer, turns, data and model file."""

import math
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gantool import api
from gantool.errors import UsageError
from gantool.runtime.session import Session
from gantool.training import options
from gantool.training.run import Run
from gantool.training.session import train
from gantool.training.settings import Settings
from gantool_refine_synthetic import simgan as module
from gantool_refine_synthetic.networks import Judge, Refiner
from gantool_refine_synthetic.psi import diversity, self_regularisation
from gantool_refine_synthetic.simgan import HalfHistory, Turns, simgan

torch.set_num_threads(1)  # in networks this small threads only wait for each other
TINY = {"channels": 4, "blocks": 1, "critic": 2, "batch": 4}


def batch_of(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {name: torch.rand(4, 3, 12, 16, generator=random) for name in ("synthetic", "real")}


def numbered(*numbers: int) -> torch.Tensor:
    """Pictures of one pixel."""
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None]


class Told(nn.Module):
    """A discriminator whose logits are the red values of the picture's first four pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1, :2, :2]


class Twice(nn.Module):
    """A refiner whose residual is the picture."""

    halo = looks = 0

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return 2 * x


@pytest.fixture
def told():
    """A system with networks whose answers are known."""
    system = simgan(**TINY, weight=3.0, apart=0.1, judging=0.1)
    system.networks = {"refiner": Twice(), "discriminator": Told()}
    return system


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Grey pictures: dark ones in synthetic/, bright ones in real/, one of them larger."""
    root = tmp_path_factory.mktemp("kinds")
    random = np.random.default_rng(0)
    for kind, low, high in (("synthetic", 0, 100), ("real", 150, 250)):
        (root / kind).mkdir()
        for number, height in enumerate((14, 14, 17)):
            picture = random.integers(low, high, (height, 20)).astype(np.uint8)
            Image.fromarray(picture).save(root / kind / f"{number}.png")
    (root / "synthetic" / "labels.csv").write_text("file,yaw\n")
    return root


@pytest.mark.parametrize("preset", module.PRESETS)
def test_every_preset_fits_the_recipe(preset):
    values = options.resolve(simgan, module.PRESETS, preset, {})
    assert values.pop("steps") >= 500
    system = simgan(**values)
    refiner = system.networks["refiner"]
    x = torch.rand(1, 3, refiner.halo + 1, refiner.halo + 4)
    assert refiner(x).shape == x.shape


# Losses


def test_the_local_loss_is_the_mean_of_the_cross_entropy_of_every_patch(told):
    refining, judging = (each for each in told.phases() if each.draw == 1)
    batch = batch_of()
    seen = {name: batch[name][:, :1, :2, :2].double() for name in batch}
    probability = {
        "real": torch.sigmoid(seen["real"]),
        "refined": torch.sigmoid(2 * seen["synthetic"]),  # the refiner doubles
    }
    terms = told.loss(refining, batch, 0.5)
    by_hand = -torch.log(probability["refined"]).mean()
    assert terms["adversarial"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    by_hand = -torch.log(probability["real"]).mean() - torch.log(1 - probability["refined"]).mean()
    terms = told.loss(judging, batch, 0.5)
    assert terms["adversarial"].item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_the_discriminator_gives_a_matrix_of_patches_that_look_at_a_part_of_the_picture():
    torch.manual_seed(0)
    judge, x = Judge(8), torch.rand(1, 3, 35, 55)
    assert judge(x).shape == (1, 1, 9, 14)
    other = x.clone()
    other[..., :2, :2] = 1 - x[..., :2, :2]
    differs = (judge(x) != judge(other))[0, 0]
    assert differs[:3, :3].any()
    assert not differs[4:].any()
    assert not differs[:, 4:].any()


def test_self_regularisation_is_a_mean_over_what_psi_gives():
    x = torch.zeros(1, 3, 5, 6)
    refined = x.clone()
    refined[0, :, 2, 3] = torch.tensor([0.3, 0.6, 0.9])
    assert self_regularisation(refined, x).item() == pytest.approx(1.8 / 90)
    assert self_regularisation(refined, x, "mean").item() == pytest.approx(0.6 / 30)
    # each of the three values, up and down, in both directions
    assert self_regularisation(refined, x, "gradients").item() == pytest.approx(4 * 1.8 / 120)
    # in both windows of 5×5, of each colour
    assert self_regularisation(refined, x, "smooth").item() == pytest.approx(1.8 / 25 / 3)


def test_self_regularisation_does_not_depend_on_the_size_as_a_sum_would():
    x, refined = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    large = [each.repeat(1, 1, 2, 2) for each in (refined, x)]
    assert self_regularisation(*large) == pytest.approx(self_regularisation(refined, x).item())


def test_contrast_is_what_no_exposure_changes():
    x = torch.rand(1, 3, 12, 15)
    assert self_regularisation(x + 0.3, x, "contrast").item() < 1e-5
    assert self_regularisation(x / 2, x, "contrast") < 0.25 * self_regularisation(
        1 - x, x, "contrast"
    )
    ramp = torch.linspace(0, 0.3, 15).expand(1, 3, 12, 15)
    assert self_regularisation(x + ramp, x, "contrast") < 0.1 * self_regularisation(
        1 - x, x, "contrast"
    )


def test_diversity_is_how_far_means_differ_over_how_far_their_chances_do():
    one, z = torch.zeros(1, 3, 5, 6), torch.zeros(1, 2, 2, 2)
    other = one.clone()
    other[0, :, 2, 3] = 0.5  # a twenty-fifth of it in both windows of 5×5
    assert diversity(one, other, z, z + 0.1).item() == pytest.approx(0.5 / 25 / 0.1)


class Shifted(nn.Module):
    """A refiner that adds a hundredth of the mean of its fields."""

    halo, looks = 0, 2

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return x + 0.01 * z.mean((1, 2, 3), keepdim=True)


def test_the_refiner_is_rewarded_for_looks_that_differ(told, monkeypatch):
    told.networks = {"refiner": Shifted(), "discriminator": Told()}
    told.variety = 2.0
    refining, batch = told.phases()[0], batch_of()
    draws = [torch.full((4, 2, 2, 2), value) for value in (1.0, -1.0)]
    monkeypatch.setattr(torch, "randn", lambda *_, **__: draws.pop(0))
    terms = told.loss(refining, batch, 0.5)
    assert terms["variety"].item() == pytest.approx(2 * (module.MOST - 0.01), rel=1e-4)
    assert simgan(**TINY, variety=2.0).variety == 0  # without looks


def test_the_refiner_begins_with_self_regularisation_alone(told):
    refining, batch = told.phases()[0], batch_of()
    terms = told.loss(refining, batch, 0.09)
    assert terms.keys() == {"self"}
    by_hand = 3.0 * batch["synthetic"].mean()  # the residual is the picture
    assert terms["self"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert told.loss(refining, batch, 0.1).keys() == {"self", "adversarial"}


def moved(weight: float) -> float:
    """How far a refiner moves pictures after a short training."""
    torch.manual_seed(0)
    system = simgan(**TINY, weight=weight, apart=0.0, judging=0.0, rate=0.01)
    refining = system.phases()[0]
    for step in range(200):
        for group in refining.optimizer.param_groups:
            group["lr"] = 0.01 * refining.rate(step / 200)
        refining.optimizer.zero_grad()
        sum(system.loss(refining, batch_of(step), 1.0).values()).backward()
        refining.optimizer.step()
    x = batch_of(999)["synthetic"]
    with torch.no_grad():
        return self_regularisation(system.networks["refiner"](x), x).item()


def test_an_infinite_weight_makes_it_the_identity():
    assert moved(1e6) < 1 / 255
    assert moved(0.0) > 20 / 255


# The buffer


def test_half_of_what_the_discriminator_sees_is_older():
    history = HalfHistory(4)
    assert torch.equal(history.mix(numbered(1, 2, 3, 4)), numbered(1, 2, 3, 4))  # none are kept
    kept = {each.item() for each in history.pictures}
    assert len(kept) == 2
    assert kept < {1, 2, 3, 4}
    mixed = history.mix(numbered(5, 6, 7, 8)).flatten().tolist()
    assert mixed[:2] == [5, 6]
    assert set(mixed[2:]) == kept


def test_half_of_a_batch_takes_the_place_of_older_ones():
    history = HalfHistory(4)
    for start in range(0, 40, 4):
        before = {each.item() for each in history.pictures}
        history.mix(numbered(*range(start, start + 4)))
        now = {each.item() for each in history.pictures}
        assert len(now - before) == 2
        assert all(start <= each < start + 4 for each in now - before)
    assert len(now) == 4


def test_buffer_goes_on_from_its_state_and_keeps_no_broken_picture():
    one, other = HalfHistory(4), HalfHistory(4)
    for start in (0, 4):
        one.mix(numbered(*range(start, start + 4)))
    other.restore(one.state())
    assert torch.equal(one.mix(numbered(8, 9, 10, 11)), other.mix(numbered(8, 9, 10, 11)))
    before = torch.stack(one.pictures)
    one.mix(numbered(1, 2, 3, 4) / 0)
    assert torch.equal(torch.stack(one.pictures), before)


# Turns


def test_turns_are_k_g_and_k_d_and_share_a_batch_where_they_meet():
    phases = simgan(**TINY, k_g=3, k_d=2).phases()
    assert [(each.name, each.draw) for each in phases] == [
        *(("refiner", draw) for draw in range(3)),
        *(("discriminator", draw) for draw in (2, 3)),
    ]
    assert len({id(each.optimizer) for each in phases}) == 2


def test_networks_learn_one_after_the_other_and_then_both():
    turns = Turns(2, 1, apart=0.2, judging=0.1)
    rates = [(turns.refining(f), turns.judged(f)) for f in (0, 0.19, 0.2, 0.29, 0.31, 0.75)]
    assert rates == [(1, 0), (1, 0), (0, 1), (0, 1), (1, 1), (0.5, 0.5)]
    assert math.isclose(turns.refining(1), 0)


# Networks


@pytest.mark.parametrize("grey", [False, True])
def test_the_refiner_is_convolutional_and_sees_a_mirror_beyond_the_edge(grey):
    torch.manual_seed(0)
    refiner, x = Refiner(4, 2, grey=grey), torch.rand(1, 3, 12, 17)
    wide = nn.functional.pad(x, [5] * 4, mode="reflect")
    assert refiner.halo == 5
    assert torch.allclose(refiner(wide)[..., 5:-5, 5:-5], refiner(x), atol=1e-5)


def test_a_grey_refiner_gives_grey_of_the_luma():
    torch.manual_seed(0)
    refiner, x = Refiner(4, 1, grey=True), torch.rand(2, 3, 8, 9)
    luma = (0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]).expand(-1, 3, -1, -1)
    refined = refiner(x)
    assert refined.shape == x.shape
    assert (refined == refined[:, :1]).all()
    assert torch.allclose(refiner(luma), refined, atol=1e-5)


def test_fields_of_chance_are_spread_over_the_picture():
    torch.manual_seed(0)
    refiner, x = Refiner(4, 1, grey=True, looks=2), torch.rand(2, 3, 12, 17)
    z = torch.zeros(1, 2, 2, 2)
    assert torch.equal(refiner(x), refiner(x, z))
    z[..., 0] = 3.0  # both rows, at the left
    change = (refiner(x, z) - refiner(x)).abs().mean((0, 1, 2))
    assert change[:4].mean() > 2 * change[-4:].mean()


# Data


def test_samples_are_of_the_size_that_all_have_and_functions_of_seed_step_and_item(folders):
    one, other = (simgan(**TINY).dataset(folders, "train") for _ in range(2))
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    for place in places:
        sample, again = one.sample(*place), other.sample(*place)
        assert {tuple(each.shape) for each in sample.values()} == {(3, 14, 20)}
        assert sample["synthetic"].max() < 0.4 < 0.58 < sample["real"].min()
        assert all(torch.equal(sample[name], again[name]) for name in sample)
    assert len({one.sample(*place)["real"].numpy().tobytes() for place in places}) == 4
    assert one.size == 4


def test_folders_of_other_names_are_refused(folders, tmp_path):
    for name, kind in (("A", "synthetic"), ("renders", "real")):
        (tmp_path / name).symlink_to(folders / kind)
    with pytest.raises(UsageError, match=r"put the renders into synthetic/ and .* into real/$"):
        simgan(**TINY).dataset(tmp_path, "train")


@pytest.mark.parametrize("coloured", ["synthetic", "real"])
def test_colours_in_one_kind_alone_are_refused_with_what_to_do(folders, tmp_path, coloured):
    other = {"synthetic": "real", "real": "synthetic"}[coloured]
    (tmp_path / other).symlink_to(folders / other)
    (tmp_path / coloured).mkdir()
    for number in range(2):
        frame = np.random.default_rng(number).integers(0, 255, (14, 20, 3)).astype(np.uint8)
        Image.fromarray(frame).save(tmp_path / coloured / f"{number}.png")
    said = f"{other}/ is grey, {coloured}/ in colour: train in grey with --grey true"
    with pytest.raises(UsageError, match=said):
        simgan(**TINY).dataset(tmp_path, "train")
    sample = simgan(**TINY, grey=True).dataset(tmp_path, "train").sample(0, 0, 0)
    assert all((each == each[:1]).all() for each in sample.values())


def test_what_cannot_be_trained_on_is_refused(folders):
    with pytest.raises(UsageError, match="a picture of 20×14: at least 16 are needed"):
        simgan(**TINY | {"blocks": 7}).dataset(folders, "train")
    with pytest.raises(UsageError, match="--batch 3: must be even"):
        simgan(**TINY | {"batch": 3})


# A whole run


def trained(root: Path, folder: Path, *sessions: int) -> Run:
    settings = Settings("simgan", {**TINY, "apart": 0.2, "judging": 0.1, "pool": 4}, "kinds", 10)
    for steps in sessions:
        run = Run(simgan, folder, settings, root)
        deque(train(run, options.Limits(max_steps=steps)), maxlen=0)
    return run


def test_resumed_equals_straight(folders, tmp_path):
    straight, resumed = trained(folders, tmp_path / "a", 10), trained(folders, tmp_path / "b", 7, 3)
    for name in ("refiner", "discriminator"):
        one, other = (run.system.networks[name] for run in (straight, resumed))
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_a_run_is_exported_to_a_local_model_that_tiles_do_not_show_in(folders, tmp_path):
    run = trained(folders, tmp_path, 10)
    (path,) = api.export(run.folder)
    frame = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    whole, tiles = (Session(path, tile=size)(frame).astype(int) for size in (None, 16))
    assert np.abs(whole - tiles).max() <= 1
    contract = Session(path).contract
    assert (contract.task, contract.statistics, contract.halo) == ("refine-synthetic", "local", 3)
    assert contract.minimum == 4


def test_looks_are_a_condition_of_the_model_file(folders, tmp_path):
    settings = Settings("simgan", {**TINY, "looks": 2, "apart": 0.2, "judging": 0.1}, "kinds", 4)
    run = Run(simgan, tmp_path, settings, folders)
    deque(train(run, options.Limits(max_steps=4)), maxlen=0)
    (path,) = api.export(run.folder)
    session = Session(path)
    assert session.contract.conditions == {"z": {"shape": [2, 2, 2], "default": 0.0}}
    assert session.contract.statistics == "global"
    frame = np.random.default_rng(0).integers(0, 256, (20, 25, 3), np.uint8)
    neutral, one, again, other = (
        session(frame, z=np.full((1, 2, 2, 2), each, np.float32)) for each in (0, 2, 2, -2)
    )
    assert np.array_equal(session(frame), neutral)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
