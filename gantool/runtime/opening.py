"""Graphs opened in onnxruntime: on the device that was asked for and nowhere else."""

import contextlib
import functools
import re

import onnxruntime

from gantool.errors import DeviceError, ModelError
from gantool.runtime import missing
from gantool.runtime.providers import CPU, Device, cores, memory

SHARE = 0.85
"""Of all memory that models may take."""
POWERS_OF_TWO = 0
"""How onnxruntime asks for memory: for pieces as large as they were needed, it would never have
enough of them where every picture has another size."""


def open_session(graph: bytes, device: Device) -> onnxruntime.InferenceSession:
    """A session for `graph` that runs on `device` and nowhere else.

    Raises ModelError for a graph that onnxruntime refuses, DeviceError where it would fall back.
    """
    _bound_memory()
    try:
        session = _opened(graph, device)
    except Exception as error:  # onnxruntime raises its own types, some of them bare RuntimeError
        if device.provider != CPU.provider:
            problem = f"{reason(error)}: {_fix(device)}"
            raise DeviceError(f"--device {device.name}: {problem}") from error
        raise ModelError(f"onnxruntime cannot open it: {reason(error)}") from error
    if session.get_providers()[0] != device.provider:
        raise DeviceError(
            f"--device {device.name}: onnxruntime fell back to the CPU: {_fix(device)}"
        )
    return session


def _opened(graph: bytes, device: Device) -> onnxruntime.InferenceSession:
    options = _options()
    if device.package:
        first = missing.devices(device.package)[:1]
        options.add_provider_for_devices(first, dict(device.options))
        return onnxruntime.InferenceSession(graph, options)
    wanted = {device.provider: dict(device.options)}
    wanted |= {name: {} for name in (*device.beneath, CPU.provider)}
    return onnxruntime.InferenceSession(
        graph,
        options,
        providers=list(wanted.items()),
        enable_fallback=0,  # it would print, and go on on the CPU
    )


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its warnings are not for users; failures raise
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = cores()
    options.enable_mem_pattern = False  # from a shape's second run on it takes twice the memory
    return options


def _fix(device: Device) -> str:
    if device.name in ("cuda", "tensorrt"):
        return missing.CUDA_FIX
    return "use --device cpu"


@functools.cache
def newest_opset() -> int:
    """The newest of ONNX's operator sets that onnxruntime takes; only it can tell."""
    from onnx import TensorProto, defs, helper

    node = helper.make_node("Identity", ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in "xy")
    graph = helper.make_graph([node], "opset", [x], [y])
    for version in range(defs.onnx_opset_version(), 0, -1):
        opsets = [helper.make_opsetid("", version)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        with contextlib.suppress(ModelError):
            open_session(model.SerializeToString(), CPU)
            return version
    raise DeviceError("onnxruntime does not work here: install it again")


def reason(error: Exception) -> str:
    """What onnxruntime says, as one short line; names in it come from the file."""
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    plain = _PLACES.sub("", first)
    return "".join(each for each in plain if each.isprintable())[:300].strip()


_PLACES = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/.*?:\d+ .*?\) ")
"""Codes and lines of its source."""


@functools.cache
def _bound_memory() -> None:
    """Let what asks for more memory than there is fail, and not have the process killed."""
    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    most = {"max_mem": int(memory() * SHARE), "arena_extend_strategy": POWERS_OF_TWO}
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(most))
