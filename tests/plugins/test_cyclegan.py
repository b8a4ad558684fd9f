"""Recipe cyclegan: its terms are the paper's, both directions learn, and both are exported."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

from gantool import export
from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.session import Session
from gantool.training import checkpoint, monitors, session
from gantool.training.ema import Ema
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool_translate.cyclegan import cyclegan
from gantool_translate.pix2pix import pix2pix

torch.set_num_threads(1)  # in networks this small threads only wait for each other
OPTIONS = {"generator": "resnet-6", "channels": 4, "crop": 32}
GIVEN = {kind: torch.zeros(1, 3, 64, 64) for kind in ("a", "b", "input", "target")}


def tiny(**options):
    torch.manual_seed(0)
    return cyclegan(**OPTIONS | options)


def batch(size: int = 32, seed: int = 1) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {kind: torch.rand(1, 3, size, size, generator=random) * 2 - 1 for kind in "ab"}


def terms(system, given, phase: str) -> dict[str, float]:
    (turn,) = (each for each in system.phases() if each.name == phase)
    return {name: term.item() for name, term in system.loss(turn, given, 0.0).items()}


def test_terms_are_the_papers():
    system, given = tiny(cycle=7.0, identity=0.25), batch()
    nets = system.networks
    found = terms(system, given, "generators") | {
        f"judge {name}": term for name, term in terms(system, given, "discriminators").items()
    }
    for way, (source, target), (there, back), judge in (
        ("", "ab", ("generator", "generator-back"), nets["discriminator"]),
        (" back", "ba", ("generator-back", "generator"), nets["discriminator-back"]),
    ):
        fake = nets[there](given[source])
        real, made = judge(given[target]), judge(fake)
        one, zero = torch.ones_like(real), torch.zeros_like(real)
        wanted = {
            f"gan{way}": mse_loss(made, one),
            f"cycle{way}": 7 * l1_loss(nets[back](fake), given[source]),
            f"identity{way}": 0.25 * 7 * l1_loss(nets[there](given[target]), given[target]),
            f"judge gan{way}": (mse_loss(real, one) + mse_loss(made, zero)) / 2,
        }
        for name, term in wanted.items():
            assert found.pop(name) == pytest.approx(term.item(), rel=1e-4), name
    assert not found


def test_without_identity_nothing_is_computed_for_it():
    system, ran = tiny(identity=0.0), []
    for name in ("generator", "generator-back"):
        system.networks[name].register_forward_hook(lambda *_, name=name: ran.append(name))
    assert sorted(terms(system, batch(), "generators")) == [
        "cycle",
        "cycle back",
        "gan",
        "gan back",
    ]
    assert len(ran) == 4


@pytest.mark.parametrize(
    ("phase", "moved"),
    [
        ("generators", {"generator", "generator-back"}),
        ("discriminators", {"discriminator", "discriminator-back"}),
    ],
)
def test_each_phase_moves_its_own_networks(phase, moved):
    system = tiny()
    (turn,) = (each for each in system.phases() if each.name == phase)
    for name in turn.frozen:
        system.networks[name].requires_grad_(False)
    sum(system.loss(turn, batch(), 0.0).values()).backward()
    graded = {
        name
        for name, network in system.networks.items()
        for weight in network.parameters()
        if weight.grad is not None
    }
    assert graded == moved
    held = {id(weight) for group in turn.optimizer.param_groups for weight in group["params"]}
    theirs = {id(weight) for name in moved for weight in system.networks[name].parameters()}
    assert held == theirs


def test_discriminators_are_shown_what_the_pool_gives():
    """The pool of each is filled by its own direction alone, once a step."""
    system, given = tiny(pool=3), batch()
    for _ in range(3):
        terms(system, given, "generators")
        terms(system, given, "discriminators")
    kept = {name: pool.pictures for name, pool in system.memory.items()}
    assert {name: len(pictures) for name, pictures in kept.items()} == {
        "discriminator": 3,
        "discriminator-back": 3,
    }
    fake = system.networks["generator"](given["a"])[0]
    assert torch.allclose(kept["discriminator"][0], fake, atol=1e-5)
    system.memory["discriminator"].pictures[:] = [torch.full_like(fake, 0.5) for _ in range(3)]
    old = system.networks["discriminator"](torch.full_like(fake, 0.5)[None])
    real = system.networks["discriminator"](given["b"])
    wanted = ((real - 1).square().mean() + old.square().mean()).item() / 2
    seen = {round(terms(system, given, "discriminators")["gan"], 5) for _ in range(3)}
    assert round(wanted, 5) in seen


def test_the_pools_come_back_from_a_checkpoint(tmp_path):
    def judged(system, steps: range) -> list[dict[str, float]]:
        batches = [batch(seed=step) for step in steps]
        return [terms(system, each, "discriminators") for each in batches]

    system = tiny(pool=2)
    judged(system, range(5))
    memories = [checkpoint.memory(system)]
    ema = Ema(system.networks)
    path = checkpoint.save(tmp_path, 5, system, ema, memories, checkpoint.Facts())
    again = tiny(pool=2)
    checkpoint.load(path, again, Ema(again.networks))
    assert judged(again, range(5, 12)) == judged(system, range(5, 12))
    forgetful = tiny(pool=2)
    assert judged(forgetful, range(5, 12)) != judged(again, range(5, 12))


def test_columns_are_those_that_the_monitors_watch():
    """A translator that does nothing is seen in either direction."""
    system, given = tiny(), {kind: torch.rand(8, 3, 32, 32) * 2 - 1 for kind in "ab"}
    idle = {name: torch.nn.Identity() for name in system.networks}
    columns = system.preview(idle, given)
    assert list(columns) == [
        f"{title}{way}" for way in ("", " back") for title in ("input", "result", "target")
    ]
    assert torch.equal(columns["target"], columns["input back"])
    assert all(each.min() >= 0 and each.max() <= 1 for each in columns.values())
    texts = [event.text for event in monitors.look(columns) if event.kind == "unchanged"]
    assert [text.split(" has")[0] for text in texts] == [
        "unchanged: result",
        "unchanged: result back",
    ]


@pytest.mark.parametrize(
    ("generator", "multiple", "crop"),
    [("resnet-6", 4, 36), ("light-6", 4, 36), ("unet-64", 64, 64)],
)
def test_crops_that_a_generator_cannot_take_are_refused(generator, multiple, crop):
    assert terms(tiny(generator=generator, crop=crop), batch(crop), "generators")
    for refused in (crop + 2, 16):
        with pytest.raises(UsageError, match=f"--crop {refused}: .* multiples of {multiple} from"):
            tiny(generator=generator, crop=refused)


@pytest.mark.parametrize("make", [cyclegan, pix2pix])
@pytest.mark.parametrize(("name", "enlarged"), [("resnet-6", 2), ("unet-64", 6)])
def test_enlarging_as_in_the_papers_trains_and_exports(make, name, enlarged, tmp_path):
    system = make(generator=name, channels=4, crop=64, up="transposed")
    layers = list(system.networks["generator"].modules())
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in layers) == enlarged
    assert not any(isinstance(layer, nn.Upsample) for layer in layers)
    assert all(term.isfinite() for term in system.loss(system.phases()[0], GIVEN, 0.0).values())
    (wanted, *_), path = system.exports(), tmp_path / "model.onnx"
    export.export(system.networks["generator"], wanted, path, facts={})  # refuses what differs
    assert "ConvTranspose" in {node.op_type for node in onnx.load(path).graph.node}


def test_a_generator_that_only_resizes_says_so():
    with pytest.raises(UsageError, match="--up transposed: light-6 resizes; take resnet-6,"):
        tiny(generator="light-6", up="transposed")


def kinds(root):
    """Reddish noise and bluish noise."""
    random = np.random.default_rng(0)
    for folder, tint in (("trainA", (1.0, 0.3, 0.1)), ("trainB", (0.1, 0.3, 1.0))):
        (root / folder).mkdir(parents=True)
        for number in range(2):
            noise = random.integers(0, 256, (9, 9, 1)).repeat(4, 0).repeat(4, 1)
            frame = (noise * np.array(tint)).astype(np.uint8)
            write_image(root / folder / f"{number}.png", frame, Carry())
    return root


def opened(root, steps: int, **options) -> Run:
    settings = Settings("cyclegan", OPTIONS | options, "kinds", steps)
    return Run(cyclegan, root / "run", settings, kinds(root / "data"))


def test_a_run_that_goes_on_equals_one_that_went_straight(tmp_path):
    """Weights, averages, Adam and pools, bit for bit."""
    straight, broken = (opened(tmp_path / name, 4, pool=2) for name in ("straight", "broken"))
    list(session.train(straight))
    list(session.train(broken, Limits(max_steps=2)))
    broken = Run(cyclegan, broken.folder, broken.settings, broken.dataset)
    assert broken.step == 2
    list(session.train(broken))
    files = [run.checkpoints / "step_000004" for run in (straight, broken)]
    for name in ("networks", "ema", "optimizers", "memory"):
        one, other = ((file / f"{name}.safetensors").read_bytes() for file in files)
        assert one == other, name


@pytest.mark.slow
def test_trained_by_the_tool_and_run_by_it_in_both_directions(tmp_path):
    """Red learns to be blue and blue to be red, and the files say and do the same."""
    run = opened(tmp_path, 80, rate=3e-3, channels=6)
    told = [each for each in session.train(run) if isinstance(each, session.Progress)]
    cycles = [step.losses["generators/cycle"] for step in told]
    assert np.mean(cycles[-10:]) < 0.7 * np.mean(cycles[:10])
    paths = export.export_run(run.system, run.folder, run.settings, None, {})
    assert [path.name for path in paths] == ["run-generator.onnx", "run-generator-back.onnx"]
    frame = np.random.default_rng(1).integers(0, 256, (37, 50, 1), np.uint8)
    for path, tint, channel in zip(paths, ((1.0, 0.3, 0.1), (0.1, 0.3, 1.0)), (2, 0), strict=True):
        model = Session(path, tile=None)
        assert (model.contract.multiple, model.contract.statistics) == (4, "global")
        given = (frame * np.array(tint)).astype(np.uint8)
        result = model.run(np.pad(given, ((0, 3), (0, 2), (0, 0)), "reflect")[None])[0]
        means = result.reshape(-1, 3).mean(0)
        assert means.argmax() == channel
