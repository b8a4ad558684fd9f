"""Devices as a table: the name on the command line → onnxruntime's provider and its options."""

import contextlib
import ctypes
import functools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnxruntime

from gantool.errors import DeviceError, ModelError


@dataclass(frozen=True)
class Device:
    """Where sessions run. `note` says why it is not the one a user would hope for."""

    name: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        threads = f"{cores()} threads" if self.provider == CPU.provider else ""
        details = "; ".join(part for part in (threads, self.note) if part)
        return f"{self.name.upper()} ({details})" if details else self.name.upper()


SHARE = 0.85
"""Of all memory that models may take."""
POWERS_OF_TWO = 0
"""How onnxruntime asks for memory: for pieces as large as they were needed, it would never have
enough of them where every picture has another size."""
CPU = Device("cpu", "CPUExecutionProvider")
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}


def choose(name: str) -> Device:
    """The device for `--device name`; for `auto` the fastest that really works here.

    Raises DeviceError, one line with the fix, where the device asked for is not available.
    """
    if name == "auto":
        return _automatic()
    kind, _, index = name.partition(":")
    if kind not in _TABLE or (index and (kind == "cpu" or not index.isdigit())):
        known = ", ".join(["auto", *_TABLE])
        raise DeviceError(f"--device {name}: no such device; there are {known} and cuda:N")
    make, missing = _TABLE[kind]
    if problem := missing():
        raise DeviceError(f"--device {name}: {problem}")
    return make(index)


def open_session(graph: bytes, device: Device) -> onnxruntime.InferenceSession:
    """A session for `graph` that runs on `device` and nowhere else.

    Raises ModelError for a graph that onnxruntime refuses, DeviceError where it would fall back.
    """
    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its warnings are not for users; failures raise
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = cores()
    options.enable_mem_pattern = False  # from a shape's second run on it takes twice the memory
    wanted = {device.provider: dict(device.options), CPU.provider: {}}
    try:
        session = onnxruntime.InferenceSession(
            graph,
            options,
            providers=list(wanted.items()),
            enable_fallback=0,  # it would print, and go on on the CPU
        )
    except Exception as error:  # onnxruntime raises its own types, some of them bare RuntimeError
        if device.provider != CPU.provider:
            problem = f"{reason(error)}: {CUDA_FIX}"
            raise DeviceError(f"--device {device.name}: {problem}") from error
        raise ModelError(f"onnxruntime cannot open it: {reason(error)}") from error
    if session.get_providers()[0] != device.provider:
        raise DeviceError(f"--device {device.name}: onnxruntime fell back to the CPU: {CUDA_FIX}")
    return session


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


@functools.cache
def _bound_memory() -> None:
    """Let what asks for more memory than there is fail, and not have the process killed."""
    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    most = {"max_mem": int(memory() * SHARE), "arena_extend_strategy": POWERS_OF_TWO}
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(most))


def memory() -> int:
    """Bytes that this process may have: the machine's, or the limit of its container."""
    limits = [1 << 40]
    with contextlib.suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_PLACES = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/.*?:\d+ .*?\) ")
"""Codes and lines of its source."""
CUDA_FIX = 'pip install "gantool[cuda]" (CUDA 13, GTX 16xx or newer), or use --device cpu'


@functools.cache
def cuda_missing() -> str:
    """Why CUDA cannot work here, with the fix; empty where it should."""
    if not _loads("libcuda.so.1", "nvcuda.dll"):
        return "no NVIDIA driver on this machine (libcuda): install one, or use --device cpu"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no CUDA provider: {CUDA_FIX}"
    onnxruntime.preload_dlls()
    if not _loads("libcudnn.so.9", "cudnn64_9.dll"):
        return f"cuDNN 9 is not installed: {CUDA_FIX}"
    return ""


def _automatic() -> Device:
    problem = cuda_missing()
    if not problem:
        return _cuda("")
    driver = not problem.startswith("no NVIDIA driver")
    return Device("cpu", CPU.provider, note=f"not CUDA: {problem}" if driver else "")


def _cuda(index: str) -> Device:
    return Device("cuda", "CUDAExecutionProvider", {"device_id": index or "0", **CUDA_OPTIONS})


_TABLE: Mapping[str, tuple[Callable[[str], Device], Callable[[], str]]] = {
    "cpu": (lambda _: CPU, lambda: ""),
    "cuda": (_cuda, cuda_missing),
}


def _loads(*names: str) -> bool:
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
