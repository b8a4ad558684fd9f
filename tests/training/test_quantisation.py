"""Laws of training for integers, and of the files that come of it."""

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn
from torch.nn import functional

from gantool.errors import ModelError, UsageError
from gantool.export import export
from gantool.runtime.session import Session
from gantool.training import quantisation, weights
from gantool.training.networks.plain import PlainUpscaler, fuse
from gantool.training.networks.quantised import FakeQuantiser, QuantisedNetwork
from gantool.training.quantisation import observe
from gantool.training.system import Contract, Export

torch.set_num_threads(1)  # in networks this small threads only wait for each other


class ReluStack(PlainUpscaler):
    """The same with ReLU, and so as fast as integers can be."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = functional.relu(self.head(x))
        y = first
        for convolution in self.body:
            y = functional.relu(convolution(y))
        detail = functional.pixel_shuffle(self.tail(y + first), self.scale)
        return functional.interpolate(x, scale_factor=self.scale, mode="bilinear") + detail


STACKS = {"relu": ReluStack, "leaky": PlainUpscaler}


def stack(kind: str = "relu") -> nn.Module:
    """Of three convolutions; what it adds is as faint as in a trained network."""
    torch.manual_seed(1)
    network = STACKS[kind](2, 16, 1)
    with torch.no_grad():
        for each in network.tail.parameters():
            each *= 0.2
    return network


def picture(height: int = 61, width: int = 83) -> np.ndarray:
    """Edges, shades and noise."""
    y, x = np.mgrid[:height, :width]
    circles = np.hypot(x - 30, y - 40) % 11 < 4
    shades = np.dstack([circles * 190 + x // 2, circles * 120 + y, 200 - circles * 150])
    noise = np.random.default_rng(0).integers(0, 9, shades.shape)
    return (shades + noise).clip(0, 255).astype(np.uint8)


def batch(frame: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255


def trained(kind: str = "relu") -> QuantisedNetwork:
    """After a few steps towards the picture enlarged without interpolation."""
    network = QuantisedNetwork(stack(kind))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    x = batch(picture())
    for _ in range(6):
        optimizer.zero_grad()
        functional.l1_loss(network(x), functional.interpolate(x, scale_factor=2)).backward()
        optimizer.step()
    return network.eval()


@pytest.fixture(scope="module", params=STACKS)
def files(request, tmp_path_factory) -> tuple[QuantisedNetwork, Path, Path]:
    """A network and both its model files."""
    network, folder = trained(request.param), tmp_path_factory.mktemp(request.param)
    paths = [folder / "a.onnx", folder / "a-int8.onnx"]
    for path, each in zip(paths, exported(network), strict=True):
        export(network, each, path, facts={})
    return network, *paths


def exported(network: nn.Module) -> list[Export]:
    return quantisation.exports("generator", network, Contract("superres", scale=2))


def test_gradients_go_straight_through_and_stop_beyond_the_range():
    point = FakeQuantiser(fixed=(-1.0, 2.0))
    x = torch.tensor([-1.5, -0.7, 0.0, 0.3, 1.9, 2.5], requires_grad=True)
    point(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]


def test_every_weight_gets_the_gradient_of_the_rounded_one():
    network = QuantisedNetwork(stack())
    network(batch(picture())).square().mean().backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())


def test_activations_are_rounded_to_256_values_of_which_one_is_zero():
    point = FakeQuantiser()
    x = torch.linspace(-0.3, 1.1, 5000)
    rounded = point(x)
    step, _ = point.grid()
    assert len(rounded.unique()) == 256
    assert 0 in rounded
    assert (rounded - x).abs().max() <= step * 0.501 + 0.5 * step  # half, and that of the zero


def test_each_channel_has_its_own_step():
    network = QuantisedNetwork(stack())
    convolution = network.network.get_submodule("body.0")
    with torch.no_grad():
        convolution.weight[3] *= 1000
    steps = convolution.scale()
    assert torch.equal(steps, convolution.weight.detach().abs().amax((1, 2, 3)) / 127)
    assert steps[3] > 100 * steps[2]


def test_ranges_widen_at_once_and_shrink_slowly():
    point = FakeQuantiser()
    point(torch.tensor([-1.0, 3.0]))
    point(torch.tensor([0.0, 1.0]))
    assert point.bounds.tolist() == pytest.approx([-0.999, 2.997])
    point(torch.tensor([-2.0, 5.0]))
    assert point.bounds.tolist() == [-2, 5]


def test_ranges_are_held_still_at_the_end_and_where_nothing_is_trained():
    network = QuantisedNetwork(stack())
    network(torch.rand(1, 3, 8, 8))
    before = [each.bounds.clone() for each in network.points()]
    observe(network, quantisation.SETTLED)
    network(3 * torch.rand(1, 3, 8, 8))
    observe(network, 0.0)
    network.eval()(3 * torch.rand(1, 3, 8, 8))
    assert all(map(torch.equal, before, (each.bounds for each in network.points())))
    network.train()(3 * torch.rand(1, 3, 8, 8))
    assert not all(map(torch.equal, before, (each.bounds for each in network.points())))


def test_pictures_go_in_by_their_own_levels():
    network = QuantisedNetwork(stack())
    levels = torch.arange(256).float() / 255
    first = next(network.points())
    assert torch.equal(torch.round(first(levels) * 255), torch.arange(256).float())
    assert (first(levels) - levels).abs().max() < 1e-7


@torch.no_grad()
def test_what_is_added_to_is_not_rounded():
    network = QuantisedNetwork(stack())
    for each in network.parameters():
        each.zero_()
    x = torch.rand(1, 3, 9, 7)
    bilinear = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(network(x), bilinear)


@pytest.mark.parametrize("prepare", [lambda network: network, fuse])
@torch.no_grad()
def test_it_takes_the_weights_of_floats_trained_or_fused(prepare):
    floats = prepare(stack())
    network = QuantisedNetwork(PlainUpscaler(2, 16, 1))
    network.load_state_dict(floats.state_dict())
    floats_again, _ = exported(network)
    x = torch.rand(1, 3, 9, 7)
    inner = floats_again.prepare(copy.deepcopy(network))
    for name, each in fuse(stack()).state_dict().items():
        assert torch.allclose(inner.state_dict()[name], each, atol=1e-6)
    assert inner(x).shape == (1, 3, 18, 14)


def test_weights_of_another_form_are_refused():
    with pytest.raises(RuntimeError):
        QuantisedNetwork(stack()).load_state_dict(PlainUpscaler(2, 16, 2).state_dict())


def test_a_copy_has_ranges_of_its_own():
    network = QuantisedNetwork(stack())
    other = copy.deepcopy(network)
    other(torch.rand(1, 3, 8, 8))
    points = [*other.points()]
    tail = other.network.get_submodule("tail")
    assert tail.before[0] in points
    assert not any(each.bounds.any() for each in network.points() if not each.fixed)


def test_without_the_option_nothing_changes():
    network = stack()
    assert quantisation.quantised(network, "") is network
    assert [each.variant for each in exported(network)] == [""]


def test_integers_without_a_step_of_training_are_refused():
    network = QuantisedNetwork(stack())
    with pytest.raises(UsageError, match="train at least one step with quantise=int8"):
        exported(network)[1].prepare(copy.deepcopy(network))


def test_the_file_gives_what_training_saw_within_a_level(files):
    network, _, integers = files
    with torch.no_grad():
        seen = network(batch(picture()))[0].permute(1, 2, 0).clamp(0, 1) * 255
    given = Session(integers, tile=None)(picture())
    assert np.abs(given - seen.numpy()).max() <= 1.5  # a level, and half of one for rounding
    assert np.abs(given - seen.numpy()).mean() < 0.3


def test_torch_and_onnxruntime_give_the_same_integers_to_the_bit(files):
    _, _, integers = files
    parity = Session(integers).contract.parity
    assert parity is not None
    assert parity < 1e-3


def test_integers_are_close_to_the_floats_beside_them(files):
    _, floats, integers = files
    one, other = (Session(path)(picture()).astype(int) for path in (floats, integers))
    assert 0 < np.abs(one - other).mean() < 1


def test_files_say_what_they_compute_in(files):
    _, *paths = files
    contracts = [Session(path).contract for path in paths]
    assert [each.precision for each in contracts] == ["fp32", "int8"]


def test_the_halo_is_that_of_the_floats(files):
    _, *paths = files
    assert [Session(path).contract.halo for path in paths] == [3, 3]


def test_tiled_equals_whole(files):
    _, _, integers = files
    frame = picture(150, 170)
    assert np.array_equal(Session(integers, tile=48)(frame), Session(integers, tile=None)(frame))


def test_sixteen_bits_are_taken_too(files):
    _, _, integers = files
    frame = picture()
    fine = Session(integers)(frame.astype(np.uint16) * 257)
    assert np.abs(fine / 257 - Session(integers)(frame)).max() <= 0.51


def test_weights_are_stored_as_int8_with_a_step_for_each_channel(files):
    _, _, integers = files
    graph = onnx.load(integers).graph
    stored = {each.name: each for each in graph.initializer}
    kernels = [each for each in graph.initializer if len(each.dims) == 4]
    assert {each.data_type for each in kernels} == {TensorProto.INT8}
    steps = {node.input[0]: node.input[1] for node in graph.node if "Dequant" in node.op_type}
    for each in kernels:
        scale = numpy_helper.to_array(stored[steps[each.name]])
        assert scale.shape == (each.dims[0],)
        assert np.abs(numpy_helper.to_array(each)).max() == 127


def test_onnxruntime_computes_every_convolution_in_integers(files, tmp_path):
    _, _, integers = files
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(integers.read_bytes(), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QLinearAdd") == 1
    assert not {"Conv", "Relu", "LeakyRelu"} & set(kinds)


def test_integers_are_no_weights_to_start_from(files):
    _, floats, integers = files
    assert "head.weight" in weights.stored(floats)
    with pytest.raises(ModelError, match="rounded to int8: give the float file beside it"):
        weights.stored(integers)
