"""Discriminators on fixed features: what heads count, what is standardised, what is learnt."""

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from gantool.errors import ModelError
from gantool.training.networks.discriminators import PatchDiscriminator
from gantool.training.networks.efficientnet import read_efficientnet
from gantool.training.networks.projected import (
    TAPS,
    ProjectedDiscriminator,
    Standard,
    learning_real,
    make_discriminator,
)
from systems import differing, weights_of

torch.set_num_threads(1)
TWO = ("stem", "expand2")


@pytest.fixture(scope="module")
def features(lite0):
    return read_efficientnet(str(lite0))


@pytest.fixture
def made(features):
    def make(**options):
        torch.manual_seed(0)
        return ProjectedDiscriminator(features, **{"channels": 4, "taps": TWO} | options)

    return make


def pictures(seed: int = 0, channels: int = 3, side: int = 32) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(2, channels, side, side, generator=random)


def test_each_head_counts_the_same_in_the_mean(made):
    """Whatever the size of its features."""
    judge = made(taps=TAPS).eval()
    for head, value in zip(judge.heads, (1.0, 2.0, 4.0, 8.0), strict=True):
        head.forward = lambda x, value=value: x[:, :1] * 0 + value
    logits = judge(pictures(side=64))
    assert logits.shape == (2, len(TAPS), 32, 32)
    assert logits.mean().item() == 15 / 4


def test_real_features_come_out_with_mean_0_and_deviation_1(made):
    judge = made()
    with learning_real(judge):
        judge(pictures())
    _, standardised = judge.judged(pictures())
    for found, before in zip(standardised, judge.look(pictures()), strict=True):
        assert found.mean((0, 2, 3)).abs().max() < 1e-3
        deviation = before.var((0, 2, 3), correction=0).sqrt()
        wanted = deviation / (deviation + 1e-2)
        torch.testing.assert_close(
            found.var((0, 2, 3), correction=0).sqrt(), wanted, rtol=0, atol=1e-2
        )


def test_the_first_batches_count_evenly():
    standard = Standard(1)
    for value in (1.0, 2.0, 6.0):
        standard.follow(torch.full((2, 1, 3, 3), value))
    assert standard.mean.item() == pytest.approx(3)
    assert standard.square.item() == pytest.approx(41 / 3)


def test_generated_pictures_leave_the_statistics_alone(made):
    judge = made()
    with learning_real(judge):
        judge(pictures())
    before = weights_of({"standards": judge.standards})
    judge(pictures(1))
    assert not differing(weights_of({"standards": judge.standards}), before)


def test_of_a_batch_of_both_the_first_are_real(made):
    """All are standardised by them."""
    judge, alone = made(), made()
    both = torch.cat([pictures(), pictures(1)])
    with learning_real(alone):
        alone(pictures())
    with learning_real(judge, 2):
        judge(both)
    assert not differing(*(weights_of({"": each.standards}) for each in (judge, alone)))


def test_an_error_on_the_real_side_ends_the_learning(made):
    judge = made()
    with pytest.raises(ValueError, match="stop"), learning_real(judge):
        raise ValueError("stop")
    judge(pictures())
    assert all(standard.batches == 0 for standard in judge.standards)


def test_others_are_left_alone_on_the_real_side():
    """And those inside another network are not."""
    patches = PatchDiscriminator(3, channels=4)
    with learning_real(patches):
        assert patches(pictures()).shape[:2] == (2, 1)
    standard = Standard(3)
    with learning_real(nn.Sequential(standard)):
        standard(pictures())
    assert standard.batches == 1


def test_the_feature_network_is_fixed_and_in_no_checkpoint(made, features):
    judge = made()
    judge(pictures()).mean().backward()
    assert all(weight.grad is None for weight in features.parameters())
    owned = {id(weight) for weight in judge.parameters()}
    assert not owned & {id(weight) for weight in features.parameters()}
    assert {name.split(".")[0] for name in judge.state_dict()} == {"heads", "standards"}


def test_gradients_reach_the_picture(made):
    picture = pictures().requires_grad_()
    made()(picture).mean().backward()
    assert (picture.grad.abs().amax((1, 2, 3)) > 0).all()


def test_two_pictures_are_seen_beside_each_other(made):
    """Each through the same network, one behind the other in the channels."""
    judge, both = made(pictures=2), pictures(channels=6)
    single = made()
    for layer, *parts in zip(
        judge.look(both), single.look(both[:, :3]), single.look(both[:, 3:]), strict=True
    ):
        assert torch.equal(layer, torch.cat(parts, 1))
    assert judge(both).shape == (2, 2, 16, 16)


def test_luma_is_seen_as_a_grey_picture(made):
    judge, grey = made().eval(), pictures(channels=1)
    assert torch.equal(judge(grey), judge(grey.expand(-1, 3, -1, -1)))


def test_pictures_come_in_the_range_that_is_said(made):
    wide, plain = made(value_range=(-1.0, 1.0)), made()
    for one, other in zip(wide.look(2 * pictures() - 1), plain.look(pictures()), strict=True):
        torch.testing.assert_close(one, other)


def test_sides_are_enlarged_to_multiples_of_16(made):
    judge, odd = made().eval(), torch.rand(1, 3, 35, 60)
    larger = interpolate(odd, size=(48, 64), mode="bilinear", align_corners=False)
    assert torch.equal(judge(odd), judge(larger))


def test_classes_are_told_by_projection(made):
    """Logits of no class at all, and of shares of classes, are linear in the shares."""
    judge = made(classes=3).eval()
    shares = torch.eye(3)
    none, *each = (judge(pictures(), given.expand(2, -1)) for given in (shares[0] * 0, *shares))
    mixed = judge(pictures(), torch.tensor([[0.25, 0.0, 0.75]]).expand(2, -1))
    torch.testing.assert_close(mixed, none + 0.25 * (each[0] - none) + 0.75 * (each[2] - none))
    assert not torch.allclose(each[0], each[1])


def test_one_is_made_by_name(lite0):
    patches = make_discriminator("patches", "nowhere.pth", inputs=6, channels=4, layers=2)
    assert patches(pictures(channels=6)).shape[1] == 1
    projected = make_discriminator("projected", str(lite0), inputs=6, channels=4)
    assert projected(pictures(channels=6)).shape == (2, 4, 16, 16)
    with pytest.raises(ModelError, match=r"nowhere\.pth: no such file"):
        make_discriminator("projected", "nowhere.pth")
