"""Networks that normalise over the whole frame, run with statistics that follow a film slowly.

One graph measures those of a frame, moves what it held towards them, and normalises by that: one
pass a frame, without pumping, and with colours that go along where the film changes.
"""

from gantool.runtime import freeze

RATE = "steady_rate"
"""The input that says how far held statistics go towards a frame's own."""
FOLLOWED = 0.1
"""The rate within a scene: ten frames."""
FAR = 3.0
"""Most that a steady variance differs from the frame's own, as a ratio."""

_STEADY = """
<opset_import: ["" : OPSET], domain: "gantool">
Steady <epsilon: float = 1e-5>
    (x, scale, bias, held_mean, held_variance, rate) => (y, mean, variance)
{
    rows = Constant <value_ints: ints = [0, 0, -1]> ()
    last = Constant <value_ints: ints = [2]> ()
    flat = Reshape (x, rows)
    own_mean = ReduceMean (flat, last)
    centred = Sub (flat, own_mean)
    squares = ReduceSumSquare (centred, last)
    values = Size (centred)
    channels = Size (own_mean)
    pixels = Div (values, channels)
    count = CastLike (pixels, own_mean)
    own_variance = Div (squares, count)

    far = Constant <value_float: float = FAR> ()
    most = Mul (own_variance, far)
    least = Div (own_variance, far)
    widening = Sub (own_variance, held_variance)
    widened = Mul (rate, widening)
    followed = Add (held_variance, widened)
    below = Min (followed, most)
    variance = Max (below, least)

    reach = Sqrt (own_variance)
    highest = Add (own_mean, reach)
    lowest = Sub (own_mean, reach)
    move = Sub (own_mean, held_mean)
    moved = Mul (rate, move)
    trailed = Add (held_mean, moved)
    under = Min (trailed, highest)
    mean = Max (under, lowest)

    line = Constant <value_ints: ints = [-1]> ()
    means = Reshape (mean, line)
    variances = Reshape (variance, line)
    y = BatchNormalization <epsilon: float = @epsilon> (x, scale, bias, means, variances)
}
"""
"""InstanceNormalization by statistics that go from the held ones towards its own, by `rate`.

They stay within FAR times the own variance and a deviation of the own mean, as where a picture
comes up from black."""


def steady(graph: bytes) -> bytes:
    """`graph` with further inputs, `held(graph)` and RATE, and what then holds as outputs.

    A rate of 1 gives every normalisation the frame's own statistics, 0 the held ones.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(graph)
    taken: list[tuple[str, list[int | None]]] = [(RATE, [1])]
    for index, node in enumerate(freeze.normalisations(model)):
        names = _held(index)
        node.input.extend([*names, RATE])
        taken += [(name, [1, None, 1]) for name in names]
    freeze.telling(model, "Steady", _STEADY.replace("FAR", str(FAR)))
    model.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in taken
    )
    return model.SerializeToString()


def held(graph: bytes) -> list[str]:
    """The inputs by which `steady(graph)` is given statistics, 1×C×1, in its outputs' order."""
    import onnx

    count = sum(1 for _ in freeze.normalisations(onnx.load_model_from_string(graph)))
    return [name for index in range(count) for name in _held(index)]


def _held(index: int) -> tuple[str, str]:
    return f"held_mean_{index}", f"held_variance_{index}"
