"""Why a device cannot work here, with the fix: found out by loading what it needs."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import io
import sys

import onnxruntime

CUDA_FIX = 'pip install "gantool[cuda]" (CUDA 13, GTX 16xx or newer), or use --device cpu'


@functools.cache
def cuda() -> str:
    """Why CUDA cannot work here, with the fix; empty where it should."""
    if not loads("libcuda.so.1", "nvcuda.dll"):
        return "no NVIDIA driver on this machine (libcuda): install one, or use --device cpu"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no CUDA provider: {CUDA_FIX}"
    if not visible():
        return "the driver shows no GPU (CUDA_VISIBLE_DEVICES? nvidia-smi?): use --device cpu"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it misses
        onnxruntime.preload_dlls()
    toolkit = str(getattr(onnxruntime, "cuda_version", "") or "13").partition(".")[0]
    for name, file in {"cuBLAS": f"cublasLt.{toolkit}", "cuDNN 9": "cudnn.9"}.items():
        if not loads(*_files(file)):
            return f"{name} is not installed: {CUDA_FIX}"
    return ""


@functools.cache
def tensorrt() -> str:
    """The same for TensorRT, which stands on CUDA."""
    if problem := cuda():
        return problem
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no TensorRT provider: {CUDA_FIX}"
    if not loads("libnvinfer.so.10", "nvinfer_10.dll"):
        return "TensorRT 10 is not installed: pip install tensorrt-cu13, or use --device cuda"
    return ""


def coreml() -> str:
    """The same for Apple's CoreML."""
    if "CoreMLExecutionProvider" in onnxruntime.get_available_providers():
        return ""
    return "CoreML is there on macOS alone: use --device cpu"


def plugin(package: str, device: str) -> str:
    """The same for a provider that comes as a package beside onnxruntime."""
    if importlib.util.find_spec(package) is None:
        return f"pip install {package.replace('_', '-')}, or use --device cpu"
    try:
        found = devices(package)
    except Exception as error:  # the library's own types, some of them bare
        line = " ".join(str(error).split())[:200]
        return f"{package} cannot be loaded: {line}: use --device cpu"
    if not found:
        return f"{package} finds no {device} here that it can use: use --device cpu"
    return ""


@functools.cache
def devices(package: str) -> tuple[onnxruntime.OrtEpDevice, ...]:
    """What the provider of a package can run on here; its library is registered on the way."""
    module = importlib.import_module(package)
    onnxruntime.register_execution_provider_library(package, module.get_library_path())
    name = module.get_ep_name()
    return tuple(each for each in onnxruntime.get_ep_devices() if each.ep_name == name)


def _files(library: str) -> tuple[str, str]:
    """`cudnn.9` as Linux and Windows name the file."""
    name, _, version = library.partition(".")
    return f"lib{name}.so.{version}", f"{name}64_{version}.dll"


def visible() -> int:
    """GPUs that the driver shows this process."""
    return len(gpus())


def gpus() -> tuple[str, ...]:
    """Their names, as the driver has them."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count, name = ctypes.c_int(0), ctypes.create_string_buffer(100)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return ()
        names = []
        for index in range(count.value):
            driver.cuDeviceGetName(name, len(name), index)
            names.append(name.value.decode(errors="replace"))
    except (OSError, AttributeError):
        return ()
    return tuple(names)


def loads(*names: str) -> bool:
    """Whether one of these shared libraries can be loaded."""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
