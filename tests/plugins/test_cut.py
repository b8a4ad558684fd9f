"""Recipe cut: its terms are the paper's, each phase moves its own, what it exports runs."""

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss, normalize

from gantool import export
from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.session import Session
from gantool.training import session
from gantool.training.contrastive import patch_nce
from gantool.training.options import Limits
from gantool.training.run import Run
from gantool.training.settings import Settings
from gantool_translate import cut as module
from gantool_translate.cut import cut

torch.set_num_threads(1)  # in networks this small threads only wait for each other
OPTIONS = {"generator": "light-6", "channels": 4, "judge": 4, "side": 32, "crop": 32}


def tiny(**options):
    torch.manual_seed(0)
    return cut(**OPTIONS | options)


def batch(seed: int = 1) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {kind: torch.rand(1, 3, 32, 32, generator=random) * 2 - 1 for kind in "ab"}


def phase(system, name: str):
    (turn,) = (each for each in system.phases() if each.name == name)
    return turn


def terms(system, given, name: str, *, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return dict(system.loss(phase(system, name), given, 0.0))


def mirrored(seed: int) -> bool:
    torch.manual_seed(seed)
    return not torch.rand(()) < 0.5


STRAIGHT = next(seed for seed in range(99) if not mirrored(seed))
TURNED = next(seed for seed in range(99) if mirrored(seed))


def contrast(system, fake, source, *, turned: bool, seed: int) -> torch.Tensor:
    """PatchNCE by hand: features of both, the same places, the mean over five layers."""
    torch.manual_seed(seed)
    torch.rand(())  # whether to mirror
    nets = system.networks

    def features(picture):
        network, found = nets["generator"], [picture]
        if system.generator.startswith("light"):
            seen = network.down_half, network.down_quarter, network.blocks[0], network.blocks[4]
        else:
            seen = [network.layers[number] for number in (3, 6, 9, 13)]
        hooks = [
            each.register_forward_hook(lambda _, __, y: found.append(y.clone())) for each in seen
        ]
        network(picture)
        for hook in hooks:
            hook.remove()
        return found

    losses = []
    pairs = zip(features(fake), features(source), nets["projections"].heads, strict=True)
    for ours, theirs, head in pairs:
        ours = ours.flip(3) if turned else ours
        where = torch.randperm(ours.shape[2] * ours.shape[3])[:256]
        query, key = (
            normalize(head(layer.flatten(2)[:, :, where].transpose(1, 2)), dim=-1)
            for layer in (ours, theirs)
        )
        losses.append(patch_nce(query, key))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("generator", ["light-6", "resnet-6"])
@pytest.mark.parametrize("turned", [False, True])
def test_terms_are_the_papers(turned, generator):
    system, given = tiny(nce=7.0, generator=generator), batch()
    seed = TURNED if turned else STRAIGHT
    found = terms(system, given, "generator", seed=seed)
    source = given["a"].flip(3) if turned else given["a"]
    fake = system.networks["generator"](source)
    judge = system.networks["discriminator"]
    logits = judge(fake)
    assert sorted(found) == ["gan", "nce"]
    torch.testing.assert_close(found["gan"], mse_loss(logits, torch.ones_like(logits)))
    wanted = 7 * contrast(system, fake, given["a"], turned=turned, seed=seed)
    torch.testing.assert_close(found["nce"], wanted, rtol=1e-4, atol=1e-5)
    judged = terms(system, given, "discriminator", seed=seed)
    real = judge(given["b"])
    halves = mse_loss(real, torch.ones_like(real)) + mse_loss(logits, torch.zeros_like(logits))
    torch.testing.assert_close(judged["gan"], halves / 2, rtol=1e-4, atol=1e-5)


def test_cut_keeps_pictures_of_the_second_kind_and_never_mirrors():
    system = tiny(nce=1.0, identity=1.0)
    found = terms(system, batch(), "generator", seed=TURNED)
    assert sorted(found) == ["gan", "identity", "nce"]
    fake = system.networks["generator"](batch()["a"])
    logits = system.networks["discriminator"](fake)
    torch.testing.assert_close(found["gan"], mse_loss(logits, torch.ones_like(logits)))


@pytest.mark.parametrize(
    ("name", "moved"),
    [("generator", {"generator", "projections"}), ("discriminator", {"discriminator"})],
)
def test_each_phase_moves_its_own_networks(name, moved):
    system, given = tiny(), batch()
    for frozen in phase(system, name).frozen:
        system.networks[frozen].requires_grad_(False)
    terms(system, given, "generator", seed=STRAIGHT)  # the picture that both share
    torch.stack(list(terms(system, given, name, seed=STRAIGHT).values())).sum().backward()
    slopes = {
        key
        for key, each in system.networks.items()
        if any(w.grad is not None for w in each.parameters())
    }
    assert slopes == moved
    held = {id(w) for group in phase(system, name).optimizer.param_groups for w in group["params"]}
    assert held == {id(w) for key in moved for w in system.networks[key].parameters()}


def test_the_source_is_compared_as_it_is():
    """Its features are held fixed: the generator is not to make them alike to its picture."""
    system, given = tiny(), batch()
    trace = system._straight(given["a"])
    for features in trace.features[1:]:
        features.retain_grad()
    system._contrast(module.Trace(trace.fake.detach(), trace.features, False)).backward()
    assert all(features.grad is None for features in trace.features[1:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"generator": "unet-256"}, "cut has"),
        ({"crop": 64}, "at most the 32"),
        ({"side": 64, "crop": 50}, "multiples of 4"),
    ],
)
def test_what_cannot_be_trained_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        tiny(**options)


def test_a_light_generator_is_light():
    light, plain = (
        sum(
            weight.numel()
            for weight in cut(**OPTIONS | {"generator": name}).networks["generator"].parameters()
        )
        for name in ("light-6", "resnet-6")
    )
    assert light < plain / 2


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
    settings = Settings("cut", OPTIONS | options, "kinds", steps)
    return Run(cut, root / "run", settings, kinds(root / "data"))


def test_a_run_that_goes_on_equals_one_that_went_straight(tmp_path):
    """Weights, averages and Adam, bit for bit, whatever places and mirrorings were drawn."""
    straight, broken = (opened(tmp_path / name, 4) for name in ("straight", "broken"))
    list(session.train(straight))
    list(session.train(broken, Limits(max_steps=2)))
    broken = Run(cut, broken.folder, broken.settings, broken.dataset)
    assert broken.step == 2
    list(session.train(broken))
    files = [run.checkpoints / "step_000004" for run in (straight, broken)]
    for name in ("networks", "ema", "optimizers"):
        one, other = ((file / f"{name}.safetensors").read_bytes() for file in files)
        assert one == other, name


@pytest.mark.slow
def test_trained_by_the_tool_and_run_by_it(tmp_path):
    """Red learns to be blue, and the file says and does the same."""
    run = opened(tmp_path, 120, rate=3e-3, channels=6, nce=1.0)
    list(session.train(run))
    (path,) = export.export_run(run.system, run.folder, run.settings, None, {})
    model = Session(path)
    assert (model.contract.side, model.contract.statistics) == (29, "global")
    noise = np.random.default_rng(1).integers(0, 256, (37, 50, 1), np.uint8)
    result = model((noise * np.array((1.0, 0.3, 0.1))).astype(np.uint8))
    means = result.reshape(-1, 3).mean(0)
    assert means[2] > means[0] + 20
