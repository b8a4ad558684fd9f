"""Numbers stored in a model file: all there, all finite, inside the file and nowhere else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from gantool.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 2**20
"""Numbers looked at together: they stay in the processor's cache."""
_BITS = {
    **dict.fromkeys(("INT4", "UINT4"), 4),
    **dict.fromkeys(("BOOL", "INT8", "UINT8", "FLOAT8E4M3FN", "FLOAT8E5M2"), 8),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("FLOAT", "INT32", "UINT32"), 32),
    **dict.fromkeys(("DOUBLE", "INT64", "UINT64"), 64),
}
"""Of a number, by the name of its type; texts and complex numbers are no weights."""
_FIELDS = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
_OWN_FIELD = {
    "FLOAT": "float_data",
    "DOUBLE": "double_data",
    "INT64": "int64_data",
    **dict.fromkeys(("UINT32", "UINT64"), "uint64_data"),
}
"""Where the numbers of a type are that has no `raw_data`; all others in `int32_data`."""
_EXPONENT: dict[str, tuple[type[np.unsignedinteger], int]] = {
    "FLOAT16": (np.uint16, 0x7C00),
    "BFLOAT16": (np.uint16, 0x7F80),
    "FLOAT": (np.uint32, 0x7F800000),
    "DOUBLE": (np.uint64, 0x7FF0000000000000),
}
"""Bits that are all set in what is not finite, and only there."""


def check(tensor: onnx.TensorProto) -> None:
    """Raises ModelError for numbers elsewhere, of another count than announced, or not finite."""
    name = shown(tensor.name)
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(
            f"refused: its weight {name} is in another file: save the model as one file, "
            "without external data"
        )
    kind = _kind(tensor)
    if kind not in _BITS:
        raise ModelError(f"refused: its weight {name} is of type {kind}: store it as float32")
    if not _complete(tensor, kind):
        sizes = "×".join(str(side) for side in tensor.dims[:8])
        raise ModelError(
            f"refused: its weight {name} says {sizes or 1} and holds another number of values: "
            "a damaged file: get it again"
        )
    if kind in _EXPONENT and not _finite(tensor, kind):
        raise ModelError(
            f"refused: its weight {name} is not finite (NaN or infinity): its training went wrong"
        )


def check_sparse(sparse: onnx.SparseTensorProto) -> None:
    """Raises ModelError: a few bytes of it may announce gigabytes."""
    check(sparse.values)
    check(sparse.indices)
    raise ModelError(f"refused: its weight {shown(sparse.values.name)} is sparse: store it dense")


def shown(name: str) -> str:
    """A name out of a stranger's file, as text that any line may hold."""
    return ascii(name[:60])


def few(tensor: onnx.TensorProto) -> list[float]:
    """The numbers of a checked tensor that holds at most 64; of a larger one none."""
    from onnx import numpy_helper

    if math.prod(tensor.dims) > 64 or tensor.data_type not in _PLAIN:
        return []
    return [float(each) for each in numpy_helper.to_array(tensor).ravel()]


_PLAIN = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64)


def _kind(tensor: onnx.TensorProto) -> str:
    try:
        return str(TensorProto.DataType.Name(tensor.data_type))
    except ValueError:
        return str(tensor.data_type)


def _complete(tensor: onnx.TensorProto, kind: str) -> bool:
    """Whether there are as many numbers as the sizes announce, all in one place."""
    if any(side < 0 for side in tensor.dims) or tensor.HasField("segment"):
        return False
    wanted = math.prod(tensor.dims)
    held = {field: len(getattr(tensor, field)) for field in (*_FIELDS, "string_data")}
    if tensor.HasField("raw_data"):
        return not any(held.values()) and len(tensor.raw_data) == -(-wanted * _BITS[kind] // 8)
    own = held.pop(_OWN_FIELD.get(kind, "int32_data"))
    return not any(held.values()) and own == (-(-wanted // 2) if _BITS[kind] == 4 else wanted)


def _finite(tensor: onnx.TensorProto, kind: str) -> bool:
    unsigned, exponent = _EXPONENT[kind]
    mask = unsigned(exponent)
    return all(bool(((part & mask) != mask).all()) for part in _parts(tensor, kind, unsigned))


def _parts(
    tensor: onnx.TensorProto, kind: str, unsigned: type[np.unsignedinteger]
) -> Iterator[NDArray[np.unsignedinteger]]:
    """The numbers as the bits that they are, CHUNK by CHUNK."""
    if tensor.HasField("raw_data"):
        bits = np.frombuffer(tensor.raw_data, np.dtype(unsigned).newbyteorder("<"))
    elif kind in _OWN_FIELD:
        field = np.array(getattr(tensor, _OWN_FIELD[kind]), f"f{np.dtype(unsigned).itemsize}")
        bits = field.view(unsigned)
    else:
        bits = np.array(tensor.int32_data, np.int32).astype(unsigned)
    return (bits[start : start + CHUNK] for start in range(0, len(bits), CHUNK))
