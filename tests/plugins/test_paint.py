"""Recipe paint: its terms, its turns, its pairs, and a file that paints."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, relu

from gantool import export
from gantool.errors import ModelError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.session import Session
from gantool.training import session, weights
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool_translate.matching import NEAREST, MatchedPairs, match
from gantool_translate.paint import paint

torch.set_num_threads(1)
OPTIONS = {"channels": 8, "blocks": 1, "judging": 8, "crop": 32, "side": 48, "batch": 2}


@pytest.fixture
def tiny(lite0):
    def made(**options):
        torch.manual_seed(0)
        return paint(**OPTIONS | {"features": str(lite0)} | options)

    return made


def batch() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return {kind: torch.rand(2, 3, 32, 32, generator=random) * 2 - 1 for kind in "ab"}


def phase(system, name: str):
    (turn,) = (each for each in system.phases() if each.name == name)
    return turn


def test_the_judges_learn_by_the_hinge(tiny):
    system, given = tiny(palette=1.0), batch()
    torch.manual_seed(2)
    terms = system.loss(phase(system, "discriminators"), given, 0.0)
    fake = system.fakes(given, lambda: None).detach()
    palette = system.networks["palette"]
    real, ours = (palette(avg_pool2d(each, 4)) for each in (given["b"], fake))
    assert terms["palette"].item() == pytest.approx(
        (relu(1 - real).mean() + relu(1 + ours).mean()).item(), rel=1e-4
    )
    assert terms["gan"].item() > 0


def test_level_is_that_of_the_coarse_light(tiny):
    """0 for the photograph itself, whatever is painted finer than 8 pixels."""
    system, given = tiny(), batch()
    system.networks["generator"].forward = lambda x: x
    terms = system.loss(phase(system, "generator"), given, 0.0)
    assert terms["level"].item() == pytest.approx(0, abs=1e-2)  # as little as it varies
    assert terms["structure"].item() == pytest.approx(0, abs=1e-3)
    assert terms["excess"].item() == 0
    system.networks["generator"].forward = lambda x: -x
    assert system.loss(phase(system, "generator"), batch(), 0.0)["level"] > 1


@pytest.mark.parametrize("name", ["generator", "discriminators"])
def test_each_phase_moves_its_own_networks(tiny, name):
    system, given = tiny(palette=1.0), batch()
    turn = phase(system, name)
    for frozen in turn.frozen:
        system.networks[frozen].requires_grad_(False)
    sum(system.loss(turn, given, 0.0).values()).backward()
    moved = {
        key
        for key, each in system.networks.items()
        if any(w.grad is not None for w in each.parameters())
    }
    assert moved == ({"generator"} if name == "generator" else {"discriminator", "palette"})
    held = {id(w) for group in turn.optimizer.param_groups for w in group["params"]}
    assert held == {id(w) for key in moved for w in system.networks[key].parameters()}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"crop": 40}, UsageError, "multiple of 32"),
        ({"crop": 64}, UsageError, "at most the 48"),
        ({"features": "nowhere.pth"}, ModelError, "nowhere.pth: no such file"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_line(tiny, options, error, words):
    with pytest.raises(error, match=words):
        tiny(**options)


def pictures(count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (48, 60, 3), np.uint8) for _ in range(count)]


def test_the_nearest_painting_of_a_painting_is_itself(tiny):
    paintings = pictures(20, 0)
    nearest = match(paintings, paintings, tiny().features)
    assert nearest.shape == (20, NEAREST)
    assert nearest[:, 0].tolist() == list(range(20))


def test_pairs_are_of_like_things_as_often_as_asked():
    """The paintings are flat, so that each sample tells which it is of."""
    photographs = pictures(2, 1)
    paintings = [np.full((48, 48, 3), 10 * number, np.uint8) for number in range(20)]
    nearest = np.array([[3, 4], [5, 6]])
    data = MatchedPairs(photographs, paintings, nearest, 32, 1, 0.75)
    seen = [data.sample(0, step, 0) for step in range(300)]
    numbers = [round((each["b"].mean().item() + 1) / 2 * 255 / 10) for each in seen]
    share = sum(number in (3, 4, 5, 6) for number in numbers) / len(numbers)
    assert 0.7 < share < 0.88  # three quarters, and a fifth of the others by chance
    assert {each["a"].shape for each in seen} == {(3, 32, 32)}
    again = data.sample(0, 7, 0)
    assert all(torch.equal(again[name], seen[7][name]) for name in again)


def kinds(root):
    for folder, seed in (("trainA", 0), ("trainB", 1)):
        (root / folder).mkdir(parents=True)
        for number, frame in enumerate(pictures(3, seed)):
            write_image(root / folder / f"{number}.png", frame, Carry())
    return root


def opened(root, features, steps: int) -> Run:
    options = OPTIONS | {"features": str(features), "palette": 0.5, "augment": True}
    return Run(
        paint, root / "run", Settings("paint", options, "kinds", steps), kinds(root / "data")
    )


def test_a_run_that_goes_on_equals_one_that_went_straight(tmp_path, lite0):
    """Weights, averages, statistics of the real side and Adam, bit for bit."""
    straight, broken = (opened(tmp_path / name, lite0, 4) for name in ("straight", "broken"))
    list(session.train(straight))
    list(session.train(broken, Limits(max_steps=2)))
    broken = Run(paint, broken.folder, broken.settings, broken.dataset)
    list(session.train(broken))
    files = [run.checkpoints / "step_000004" for run in (straight, broken)]
    for name in ("networks", "ema", "optimizers"):
        one, other = ((file / f"{name}.safetensors").read_bytes() for file in files)
        assert one == other, name


@pytest.mark.slow
def test_what_it_exports_paints_pictures_of_any_size(tmp_path, lite0):
    run = opened(tmp_path, lite0, 1)
    list(session.train(run))
    (path,) = export.export_run(run.system, run.folder, run.settings, None, {})
    model = Session(path)
    assert (model.contract.side, model.contract.statistics) == (48, "local")
    frame = np.random.default_rng(1).integers(0, 256, (37, 50, 3), np.uint8)
    assert model(frame).shape == (37, 50, 3)
    fresh = paint(**OPTIONS | {"features": str(lite0)})
    weights.load(path, fresh)  # a training may start from the file
    trained = run.ema.networks["generator"].first.weight
    assert torch.allclose(fresh.networks["generator"].first.weight, trained, atol=1e-3)
