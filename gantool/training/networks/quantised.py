"""Plain stacks that round as integers will, while they are trained.

Jacob et al., «Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference», 2018. Krishnamoorthi, «Quantizing deep convolutional networks for efficient inference»,
2018: a scale for each channel of the weights.
"""

import copy
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from gantool.training.networks.integer import LARGEST, LEVELS
from gantool.training.networks.plain import fuse

FORGETTING = 0.001
"""How much a range shrinks with each batch that does not fill it."""
FINEST = 1e-6
"""Least step of a weight or an activation: of what is all zero it says nothing."""
_RELU = (functional.relu, torch.relu, torch.relu_, "relu", "relu_", nn.ReLU)
_LEAKY = (functional.leaky_relu, functional.prelu, nn.LeakyReLU, nn.PReLU)
_ADD = (operator.add, operator.iadd, torch.add, "add", "add_")


class FakeQuantiser(nn.Module):
    """Floats → the nearest of 256 within a range; of any form, float32.

    Gradients go straight through, and are 0 outside of the range. That is all that was seen in
    training, unless it is `fixed`: with means of the extremes, as in the paper, single pixels of
    strong edges are off three times as far.
    """

    bounds: Tensor

    def __init__(self, fixed: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.observing, self.fixed = True, fixed is not None
        self.register_buffer("bounds", torch.tensor(fixed or (0.0, 0.0)))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        if self.training and self.observing and not self.fixed:
            self._observe(x.detach())
        scale, zero = self.grid()
        result: Tensor = torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, LEVELS)
        return result

    def grid(self) -> tuple[Tensor, Tensor]:
        """Scale and zero point, int32. Zero is always one of the 256."""
        low, high = self.bounds.clamp(max=0)[0], self.bounds.clamp(min=0)[1]
        scale = ((high - low) / LEVELS).clamp(min=FINEST)
        return scale, torch.round(-low / scale).to(torch.int32)

    def _observe(self, x: Tensor) -> None:
        low, high = self.bounds * (1 - FORGETTING)
        least, most = x.aminmax()
        self.bounds.copy_(torch.stack([least.minimum(low), most.maximum(high)]))


class FakeQuantisedConv(nn.Conv2d):
    """A convolution whose weights are rounded to 255 steps a channel; gradients go through."""

    before: tuple[FakeQuantiser]
    """Where what comes in was rounded; no part of this."""
    after: tuple[FakeQuantiser, ...] = ()
    """Where the result is, if it is."""

    def forward(self, x: Tensor) -> Tensor:
        scale = self.scale()
        zeros = torch.zeros_like(scale, dtype=torch.int32)
        weight: Tensor = torch.fake_quantize_per_channel_affine(
            self.weight, scale, zeros, 0, -LARGEST, LARGEST
        )
        result: Tensor = self._conv_forward(x, weight, self._rounded_bias(scale))
        return result

    def scale(self) -> Tensor:
        """Of each output's weights: their largest is the largest integer."""
        largest = self.weight.detach().abs().amax(dim=(1, 2, 3))
        return (largest / LARGEST).clamp(min=FINEST)

    def _rounded_bias(self, scale: Tensor) -> Tensor | None:
        if self.bias is None:
            return None
        step = scale * self.before[0].grid()[0]
        return self.bias + (torch.round(self.bias / step) * step - self.bias).detach()


class QuantisedNetwork(nn.Module):
    """A plain stack, fused, that rounds weights and activations as integers will.

    What convolutions take and give is rounded, the sums and activations between them too; what
    is made of the input without one is not. `load_state_dict` takes the weights of `network`,
    trained or fused, as well as its own.
    """

    def __init__(self, network: nn.Module, value_range: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__()
        self.original = (network,)  # no part: of its form alone, to read weights by
        self.network = fx.symbolic_trace(fuse(copy.deepcopy(network)))
        for child in self.network.modules():
            if isinstance(child, nn.Conv2d):
                child.__class__ = FakeQuantisedConv
        _insert(self.network, value_range)

    def forward(self, *given: Tensor) -> Tensor:
        result: Tensor = self.network(*given)
        return result

    def points(self) -> Iterator[FakeQuantiser]:
        """Where activations are rounded."""
        return (each for each in self.modules() if isinstance(each, FakeQuantiser))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        own = self.state_dict()
        if not state_dict.keys() & own.keys():  # floats: ranges are yet to be seen
            ranges = {name: each for name, each in own.items() if name.endswith(".bounds")}
            state_dict = ranges | self._fused(state_dict)
        return super().load_state_dict(state_dict, strict, assign)

    def _fused(self, state: Mapping[str, Any]) -> dict[str, Any]:
        network = copy.deepcopy(self.original[0])
        if state.keys() == network.state_dict().keys():
            network.load_state_dict(state)
            state = fuse(network).state_dict()
        return {f"network.{name}": each for name, each in state.items()}


def _insert(network: fx.GraphModule, value_range: tuple[float, float]) -> None:
    """A FakeQuantiser behind each node whose value is to be had in integers.

    What is made of the input without a convolution stays float for all others.
    """
    graph = network.graph
    found, convolutions = _to_round(graph), _convolutions(graph)
    for number, node in enumerate(found):
        computed = _is_computed(node)
        users = [each for each in node.users if computed or each in (*found, *convolutions)]
        point = FakeQuantiser(None if computed else value_range)
        network.add_submodule(f"round_{number}", point)
        with graph.inserting_after(node):
            rounded = graph.call_module(f"round_{number}", (node,))
        for user in users:
            user.replace_input_with(node, rounded)
            _tie(user, before=point)
        _tie(node.all_input_nodes[0] if _is_one(node, _RELU) else node, after=point)
    network.recompile()


def _tie(node: fx.Node, **points: FakeQuantiser) -> None:
    """Let a convolution know where what it takes or gives is rounded."""
    child = _module(node)
    if isinstance(child, FakeQuantisedConv):
        for side, point in points.items():
            setattr(child, side, (point,))


def _to_round(graph: fx.Graph) -> list[fx.Node]:
    """What convolutions give and take, and back from there through sums and activations.

    In the order of the graph.
    """
    convolutions = _convolutions(graph)
    wanted = [node.all_input_nodes[0] for node in convolutions]
    wanted += [_with_relu(node) for node in convolutions]
    found: set[fx.Node] = set()
    while wanted:
        node = wanted.pop()
        if node not in found:
            found.add(node)
            wanted += _inputs_to_round(node)
    return [node for node in graph.nodes if node in found]


def _with_relu(node: fx.Node) -> fx.Node:
    """The ReLU behind a convolution, which is a part of it, or itself."""
    users = list(node.users)
    return users[0] if len(users) == 1 and _is_one(users[0], _RELU) else node


def _inputs_to_round(node: fx.Node) -> list[fx.Node]:
    """Those of an integer operator; ReLU is none of its own, but a part of what is before it."""
    if _is_one(node, _ADD) or _is_one(node, _LEAKY):
        return node.all_input_nodes
    return _inputs_to_round(node.all_input_nodes[0]) if _is_one(node, _RELU) else []


def _convolutions(graph: fx.Graph) -> list[fx.Node]:
    return [node for node in graph.nodes if isinstance(_module(node), nn.Conv2d)]


def _is_computed(node: fx.Node) -> bool:
    """Whether a convolution comes before it; if not, it is of the range that pictures have."""
    return isinstance(_module(node), nn.Conv2d) or any(map(_is_computed, node.all_input_nodes))


def _is_one(node: fx.Node, kinds: Sequence[object]) -> bool:
    """Whether it calls one of these functions, methods or kinds of module."""
    return node.target in kinds or type(_module(node)) in kinds


def _module(node: fx.Node) -> nn.Module | None:
    owner = node.graph.owning_module
    assert owner is not None
    return owner.get_submodule(str(node.target)) if node.op == "call_module" else None
