"""ONNX files as strangers make them, on the fly: their right answer is known without them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

KINDS = {"float": TensorProto.FLOAT, "half": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}
UNIT, BYTES, SIGNED = (0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)


class Line:
    """Operators one after the other, each with constants beside what comes from the one before."""

    def __init__(self, kind: int = TensorProto.FLOAT) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.kind = np.float16 if kind == TensorProto.FLOAT16 else np.float32

    def add(self, operator: str, *values: object, **attributes: object) -> None:
        last = self.nodes[-1].output[0] if self.nodes else "input"
        names = []
        for value in values:
            names.append(f"c{len(self.constants)}" if value is not None else "")
            if value is not None:
                array = np.array(value, None if isinstance(value, np.ndarray) else self.kind)
                self.constants.append(numpy_helper.from_array(array, names[-1]))
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [last, *names], [name], **attributes))

    def save(
        self, path: Path, given: ValueInfoProto, made: ValueInfoProto, opset: int = 13
    ) -> Path:
        self.nodes[-1].output[0] = made.name
        graph = helper.make_graph(self.nodes, "theirs", [given], [made], self.constants)
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        path.write_bytes(model.SerializeToString())
        return path


@dataclass(frozen=True)
class Curve:
    """Raises contrast along an S and enlarges twice, in the ranges and the layout that it says."""

    layout: str = "nchw"
    taken: tuple[float, float] = UNIT
    given: tuple[float, float] = UNIT
    size: tuple[int, int] | None = None
    """Height and width that the file announces; None for any."""
    baked: bool = False
    """Whether it can do no other size, nor more than one picture."""
    kind: str = "float"
    opset: int = 13

    def levels(self, frame: np.ndarray) -> np.ndarray:
        """H×W×3 uint8 → 2H×2W×3 levels in [0, 255]."""
        curve = 1 / (1 + np.exp(-(4 / 255 * frame - 2)))
        return np.clip((1.3 * curve - 0.15) * 255, 0, 255).repeat(2, 0).repeat(2, 1)

    def save(self, path: Path) -> Path:
        line, integers = Line(KINDS[self.kind]), self.kind == "uint8"
        if integers:
            line.add("Cast", to=TensorProto.FLOAT)
        if self.layout == "nhwc":
            line.add("Transpose", perm=[0, 3, 1, 2])
        if self.baked:
            line.add("Reshape", np.array([1, 3, *(self.size or ())], np.int64))
        (low, high), (darkest, brightest) = self.taken, self.given
        line.add("Sub", low)
        line.add("Mul", 4 / (high - low))
        line.add("Sub", 2.0)
        line.add("Sigmoid")
        line.add("Mul", 1.3 * (brightest - darkest))
        line.add("Add", darkest - 0.15 * (brightest - darkest))
        region = None if self.opset > 11 else np.zeros(0, np.float32)
        line.add("Resize", region, np.array([1, 1, 2, 2], np.float32), mode="nearest")
        if self.layout == "nhwc":
            line.add("Transpose", perm=[0, 2, 3, 1])
        if integers:
            line.add("Clip", 0.0, 255.0)
            line.add("Round")
            line.add("Cast", to=TensorProto.UINT8)
        return line.save(path, self._end("input", 1), self._end("output", 2), self.opset)

    def _end(self, name: str, scale: int) -> ValueInfoProto:
        sides = [side * scale for side in self.size] if self.size else [f"{name}h", f"{name}w"]
        count = 1 if self.size else f"{name}n"
        shape = [count, 3, *sides] if self.layout == "nchw" else [count, *sides, 3]
        return helper.make_tensor_value_info(name, KINDS[self.kind], shape)


def end(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape or ("n", 3, f"{name}h", f"{name}w"))
