"""Graphs as strangers make them, run on pictures."""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from gantool.errors import ModelError
from gantool.pipeline import Frame
from gantool.runtime.foreign_graph import Layout, Range
from gantool.runtime.opening import open_session, reason
from gantool.runtime.providers import CPU

Batch = NDArray[np.float32]


class Graph:
    """A graph that is tried. `run` takes and gives N×H×W×3 in the range of the graph."""

    def __init__(self, model: onnx.ModelProto, layout: Layout) -> None:
        self.layout: Layout = layout
        self.given_layout: Layout = layout
        self._session = open_session(model.SerializeToString(), CPU)

    def run(self, batch: Batch) -> Batch:
        """Raises ModelError where onnxruntime does not take it."""
        first = self._session.get_inputs()[0]
        given = batch if self.layout == "nhwc" else batch.transpose(0, 3, 1, 2)
        kind = {"tensor(uint8)": np.uint8, "tensor(float16)": np.float16}.get(
            first.type, np.float32
        )
        given = np.round(given) if kind is np.uint8 else given
        options = onnxruntime.RunOptions()
        options.log_severity_level = 4  # sizes that it does not take are tried on purpose
        try:
            feed = {first.name: np.ascontiguousarray(given.astype(kind))}
            result = self._session.run(None, feed, options)[0].astype(np.float32)
        except Exception as error:  # onnxruntime raises its own types, some of them bare
            raise ModelError(f"fails on a picture: {reason(error)}") from error
        if result.ndim != 4 or 3 not in (result.shape[1], result.shape[3]):
            raise ModelError(f"gives {'×'.join(map(str, result.shape))}, not a picture")
        self.given_layout = "nchw" if result.shape[1] == 3 else "nhwc"
        return cast(Batch, result if result.shape[3] == 3 else result.transpose(0, 2, 3, 1))


def floats(frame: Frame, bounds: Range) -> Batch:
    """H×W×3 → 1×H×W×3 in a range."""
    low, high = bounds
    scaled = frame.astype(np.float32) / 255 * (high - low) + low
    return scaled.astype(np.float32)[None]
