"""The forms of convolutions that a CPU trains fastest compute the same as torch's own."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from gantool.training.networks import forms


def given(inputs: int, outputs: int, kernel: int, transposed: bool = False):
    shape = (inputs, outputs) if transposed else (outputs, inputs)
    sizes = (2, inputs, 9, 10), (*shape, kernel, kernel), (outputs,)
    return [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]


def enlarged(x, weight, bias):
    """Of a border of one pixel: doubled, convolved, and what the border made cut off."""
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return conv2d(doubled, weight, bias, padding=1)[..., 2:-2, 2:-2]


PAIRS = {
    "sums of two": (forms.by_sums_of_two, enlarged, 3, False),
    "corners": (forms.by_corners, enlarged, 3, False),
    "columns": (forms.by_columns, conv2d, 7, False),
    "doubling": (forms.doubling, lambda *given: conv_transpose2d(*given, 2, 1, 1), 3, True),
    "doubling evenly": (forms.doubling, lambda *given: conv_transpose2d(*given, 2, 1), 4, True),
}


@pytest.fixture(autouse=True)
def little_is_many(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(forms, "MANY", 0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", PAIRS)
def test_results_and_gradients_are_those_of_torch(name, layout):
    form, plain, kernel, transposed = PAIRS[name]
    x, weight, bias = given(4, 3, kernel, transposed)
    x = x.detach().to(memory_format=layout).requires_grad_()
    ours, theirs = form(x, weight, bias), plain(x, weight, bias)
    assert torch.allclose(ours, theirs, atol=1e-10)
    marks = torch.arange(ours.numel(), dtype=ours.dtype).sin().view_as(ours)
    one, other = (torch.autograd.grad((y * marks).sum(), [x, weight, bias]) for y in (ours, theirs))
    assert all(torch.allclose(*each, atol=1e-10) for each in zip(one, other, strict=True))


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_have_gradients(name):
    """Penalties on gradients need them."""
    form, _, kernel, transposed = PAIRS[name]
    x, weight, bias = given(2, 2, min(kernel, 4), transposed)
    small = x.detach()[:1, :, :4, :4].requires_grad_()
    assert torch.autograd.gradgradcheck(form, (small, weight, bias))


@pytest.mark.parametrize("moving", [(0,), (1,), (2,), (0, 2)])
def test_only_what_moves_gets_a_gradient(moving):
    parts = given(4, 3, 3, transposed=True)
    for number, each in enumerate(parts):
        each.requires_grad_(number in moving)
    forms.doubling(*parts).sum().backward()
    assert [number for number, each in enumerate(parts) if each.grad is not None] == [*moving]


@pytest.mark.parametrize("name", [name for name in PAIRS if name != "sums of two"])
def test_products_are_of_the_precision_around(name):
    form, plain, kernel, transposed = PAIRS[name]
    parts = [each.detach().float().requires_grad_() for each in given(4, 3, kernel, transposed)]
    exact = plain(*parts)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = form(*parts).float(), plain(*parts).float()
    rough = (theirs - exact).abs().mean()
    assert rough / 4 < (ours - exact).abs().mean() < 1.5 * rough
    ours.sum().backward()


def test_enlarging_is_by_what_is_fastest():
    def chosen(inputs: int, outputs: int, side: int):
        weight = torch.empty(outputs, inputs, 3, 3)
        return forms.fastest_enlarging(torch.empty(1, inputs, side, side), weight)

    assert chosen(128, 64, 8) is forms.by_sums_of_two
    assert chosen(128, 3, 16) is forms.by_corners
    assert chosen(128, 3, 15) is chosen(512, 512, 7) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert chosen(128, 64, 16) is forms.by_corners
