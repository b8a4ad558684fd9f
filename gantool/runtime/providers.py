"""Devices as a table: the name on the command line → onnxruntime's provider and its options."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import onnxruntime

from gantool.errors import DeviceError, UsageError
from gantool.runtime import caches, missing

Precision = Literal["fp32", "fp16", "bf16"]
PRECISIONS = ("auto", "fp32", "fp16", "bf16")


@dataclass(frozen=True)
class Device:
    """Where sessions run, and how finely. `note` says why it is not what a user would hope for."""

    name: str
    provider: str
    options: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    precision: Precision = "fp32"
    """Of 8-bit pictures; deeper ones are always computed in fp32."""
    package: str = ""
    """Of a provider that comes beside onnxruntime."""
    beneath: tuple[str, ...] = ()
    """Providers that take what this one does not, other than the CPU's."""
    memory: str = ""
    """Where its buffers lie, in onnxruntime's words; empty where that is the host's memory."""

    def __str__(self) -> str:
        threads = f"{cores()} threads" if self.provider == CPU.provider else ""
        finely = self.precision if self.precision != "fp32" else ""
        details = "; ".join(part for part in (threads, finely, self.note) if part)
        return f"{self.name.upper()} ({details})" if details else self.name.upper()


CPU = Device("cpu", "CPUExecutionProvider")
CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
    "use_tf32": "0",  # fp32 is what 16-bit pictures need; who wants speed has fp16
}
OPENVINO, WEBGPU = "onnxruntime_ep_openvino", "onnxruntime_ep_webgpu"


@dataclass(frozen=True)
class Kind:
    """A line of the table: a device's name, what makes it, why it may not be had here."""

    make: Callable[[str], Device]
    """Of the number behind the colon."""
    problem: Callable[[], str]
    finer: tuple[Precision, ...] = ()
    """Precisions it has besides fp32; the first is what `auto` takes."""
    numbered: bool = False


def choose(name: str, precision: str = "auto") -> Device:
    """The device for `--device name --precision …`; for `auto` the fastest that works here.

    Raises DeviceError, one line with the fix, where the device asked for is not available, or not
    with that precision; UsageError for a precision that there is not.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision}: there are {', '.join(PRECISIONS)}")
    if name == "auto":
        return _automatic(precision)
    kind, _, index = name.partition(":")
    if kind not in TABLE or (":" in name and not (TABLE[kind].numbered and index.isdigit())):
        known = ", ".join(["auto", *TABLE])
        raise DeviceError(
            f"--device {name}: no such device; there are {known}, cuda:N and cuda:N,M"
        )
    if kind == "cpu" and precision == "bf16":
        return _bfloat16()
    if problem := TABLE[kind].problem():
        raise DeviceError(f"--device {name}: {problem}")
    return _finely(TABLE[kind].make(index), TABLE[kind], precision)


def each(name: str) -> list[str]:
    """`cuda:0,1` → `cuda:0` and `cuda:1`; any other name is itself."""
    kind, _, numbers = name.partition(":")
    return [f"{kind}:{number}" for number in numbers.split(",")] if "," in numbers else [name]


def memory() -> int:
    """Bytes that this process may have: the machine's, or the limit of its container."""
    limits = [1 << 40]
    for ask in (_physical, _container):
        try:
            limits.append(ask())
        except (OSError, ValueError, AttributeError):
            continue
    return min(limits)


def cores() -> int:
    """The processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _physical() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container() -> int:
    return int(Path("/sys/fs/cgroup/memory.max").read_text())


def _automatic(precision: str) -> Device:
    if precision == "bf16":
        return _bfloat16()
    problem = missing.cuda()
    if not problem:
        return _finely(_cuda(""), TABLE["cuda"], precision)
    if precision == "fp16":
        raise DeviceError(f"--precision fp16 needs a GPU: {problem}")
    driver = not problem.startswith("no NVIDIA driver")
    return replace(CPU, note=f"not CUDA: {problem}" if driver else "")


def _finely(device: Device, kind: Kind, precision: str) -> Device:
    if precision in ("auto", "fp32", *kind.finer):
        finest = next(iter(kind.finer), "fp32") if precision == "auto" else precision
        return replace(device, precision=cast(Precision, finest))
    known = " and ".join(("fp32", *kind.finer))
    raise DeviceError(f"--precision {precision}: {device.name} computes in {known}")


def _bfloat16() -> Device:
    """The CPU through OpenVINO, whose kernels use its instructions for bfloat16."""
    if problem := missing.plugin(OPENVINO, f"{platform.machine()} processor"):
        raise DeviceError(
            f"--precision bf16: {problem.replace('--device cpu', '--precision fp32')}"
        )
    hint = {"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}
    return replace(_openvino(""), options={"load_config": json.dumps(hint)}, precision="bf16")


def _cuda(index: str) -> Device:
    options = {"device_id": index or "0", **CUDA_OPTIONS}
    return Device("cuda", "CUDAExecutionProvider", options, memory="cuda")


def _tensorrt(index: str) -> Device:
    """Engines and timings are kept by model, GPU and version, in their names; see the README."""
    folder = str(caches.folder("tensorrt", onnxruntime.__version__))
    options = {
        "device_id": index or "0",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
    }
    provider, beneath = "TensorrtExecutionProvider", ("CUDAExecutionProvider",)
    return Device("tensorrt", provider, options, beneath=beneath, memory="cuda")


def _openvino(_: str) -> Device:
    hint = {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    options = {"load_config": json.dumps(hint)}
    return Device("openvino", "OpenVINOExecutionProvider", options, package=OPENVINO)


def _webgpu(_: str) -> Device:
    return Device("webgpu", "WebGpuExecutionProvider", package=WEBGPU)


def _coreml(_: str) -> Device:
    return Device("coreml", "CoreMLExecutionProvider", {"ModelFormat": "MLProgram"})


TABLE: Mapping[str, Kind] = {
    "cpu": Kind(lambda _: CPU, str),
    "cuda": Kind(_cuda, missing.cuda, ("fp16",), numbered=True),
    "tensorrt": Kind(_tensorrt, missing.tensorrt, ("fp16",), numbered=True),
    "openvino": Kind(_openvino, lambda: missing.plugin(OPENVINO, "Intel processor")),
    "webgpu": Kind(_webgpu, lambda: missing.plugin(WEBGPU, "GPU"), ("fp16",)),
    "coreml": Kind(_coreml, missing.coreml),
}
