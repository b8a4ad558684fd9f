"""Laws of devices: the one that was asked for, or an error that says what to do."""

import json
import os
import re
import subprocess
import sys

import onnxruntime
import pytest

import models
from gantool.errors import DeviceError, ModelError, UsageError
from gantool.runtime import missing, opening, pixel_io, providers
from gantool.runtime.providers import CPU, Device
from gantool.runtime.session import sha256

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def machine(monkeypatch):
    """machine(libraries, …): what this machine seems to have."""

    def pretend(*libraries: str, has: tuple[str, ...] = (CUDA, CPU.provider), gpus=1) -> None:
        def loads(*names: str) -> bool:
            return any(name.startswith(libraries or ("nothing",)) for name in names)

        monkeypatch.setattr(missing, "loads", loads)
        monkeypatch.setattr(missing, "visible", lambda: gpus)
        monkeypatch.setattr(missing.onnxruntime, "get_available_providers", lambda: list(has))
        monkeypatch.setattr(missing.onnxruntime, "preload_dlls", lambda: print("Failed to load"))
        forget()

    def forget() -> None:
        missing.cuda.cache_clear()
        missing.tensorrt.cache_clear()

    yield pretend
    forget()


ALL = ("libcuda", "libcublas", "libcudnn", "libnvinfer")


@pytest.mark.parametrize("name", ["tpu", "", "CPU ", "cpu:0", "cuda:x", "cuda:-1", "cuda:"])
def test_an_unknown_device_gets_the_list(name):
    with pytest.raises(DeviceError, match="no such device; there are auto, cpu, cuda, .*cuda:N"):
        providers.choose(name)


def test_cpu_is_always_there():
    assert providers.choose("cpu") == CPU
    assert providers.choose("cpu", "fp32") == CPU


BROKEN = {
    "no driver": ((), {}, "no NVIDIA driver .*--device cpu"),
    "the wheel of the CPU": (
        ALL,
        {"has": (CPU.provider,)},
        r"no CUDA provider: pip install .gantool\[cuda\]",
    ),
    "hidden devices": (ALL, {"gpus": 0}, "the driver shows no GPU .*CUDA_VISIBLE_DEVICES.*cpu"),
    "no cuBLAS": (("libcuda", "libcudnn"), {}, "cuBLAS is not installed: pip install"),
    "no cuDNN": (("libcuda", "libcublas"), {}, "cuDNN 9 is not installed: pip install"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_cuda_is_refused_with_the_fix_and_nothing_is_printed(machine, way, capsys):
    libraries, machine_is, problem = BROKEN[way]
    machine(*libraries, **machine_is)
    for name in ("cuda", "cuda:1", "tensorrt"):
        with pytest.raises(DeviceError, match=f"--device {name}: .*{problem}"):
            providers.choose(name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("way", BROKEN)
def test_auto_is_the_cpu_then_and_says_why_where_there_is_a_driver(machine, way):
    libraries, machine_is, problem = BROKEN[way]
    machine(*libraries, **machine_is)
    device = providers.choose("auto")
    assert device.provider == CPU.provider
    assert bool(device.note) == (way != "no driver")
    if device.note:
        assert re.search(problem, str(device))


def test_cuda_is_taken_where_all_is_there(machine):
    machine(*ALL)
    assert providers.choose("auto").provider == CUDA
    assert providers.choose("cuda:3").options["device_id"] == "3"
    assert providers.choose("cuda").options["device_id"] == "0"
    assert str(providers.choose("cuda")) == "CUDA (fp16)"
    assert providers.choose("cuda", "fp32").precision == "fp32"


def test_tensorrt_stands_on_cuda_and_keeps_its_engines(machine):
    machine(*ALL, has=("TensorrtExecutionProvider", CUDA))
    device = providers.choose("tensorrt:1")
    assert device.beneath == (CUDA,)
    assert device.options["device_id"] == "1"
    assert onnxruntime.__version__ in device.options["trt_engine_cache_path"]
    machine("libcuda", "libcublas", "libcudnn", has=("TensorrtExecutionProvider", CUDA))
    with pytest.raises(DeviceError, match="TensorRT 10 is not installed"):
        providers.choose("tensorrt")


@pytest.mark.parametrize(
    ("device", "precision", "problem"),
    [
        ("cpu", "fp16", "--precision fp16: cpu computes in fp32"),
        ("cuda", "bf16", "--precision bf16: cuda computes in fp32 and fp16"),
    ],
)
def test_a_precision_that_a_device_has_not_is_refused(machine, device, precision, problem):
    machine(*ALL)
    with pytest.raises(DeviceError, match=problem):
        providers.choose(device, precision)


def test_without_a_gpu_fp16_is_refused_and_bf16_needs_its_package(machine, monkeypatch):
    machine()
    with pytest.raises(DeviceError, match="--precision fp16 needs a GPU: no NVIDIA driver"):
        providers.choose("auto", "fp16")
    with pytest.raises(UsageError, match="--precision half: there are auto, fp32, fp16, bf16"):
        providers.choose("cpu", "half")
    monkeypatch.setattr(missing.importlib.util, "find_spec", lambda name: None)
    for name in ("auto", "cpu"):
        with pytest.raises(DeviceError, match="bf16: pip install onnxruntime-ep-openvino, or use"):
            providers.choose(name, "bf16")


@pytest.fixture
def package(monkeypatch):
    """package(*names): a provider beside onnxruntime that can run on so many devices."""

    def pretend(found: tuple[object, ...] | Exception) -> None:
        def devices(name: str) -> tuple[object, ...]:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(missing.importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(missing, "devices", devices)

    return pretend


@pytest.mark.parametrize(("name", "what"), [("openvino", "Intel processor"), ("webgpu", "GPU")])
def test_a_provider_that_finds_nothing_to_run_on_is_refused(package, name, what):
    package(())
    with pytest.raises(DeviceError, match=f"onnxruntime_ep_{name} finds no {what} here"):
        providers.choose(name)
    package(RuntimeError("libvulkan.so.1:\ncannot open"))
    with pytest.raises(DeviceError, match="cannot be loaded: libvulkan.so.1: cannot open: use"):
        providers.choose(name)


def test_bf16_on_the_cpu_is_openvinos(package):
    package((object(),))
    device = providers.choose("cpu", "bf16")
    assert (device.provider, device.precision) == ("OpenVINOExecutionProvider", "bf16")
    assert json.loads(device.options["load_config"]) == {
        "CPU": {"INFERENCE_PRECISION_HINT": "bf16"}
    }
    package(())
    with pytest.raises(DeviceError, match="bf16: .* finds no .* processor .*--precision fp32"):
        providers.choose("cpu", "bf16")


def test_coreml_is_apples(machine):
    machine(has=(CPU.provider,))
    with pytest.raises(DeviceError, match="CoreML is there on macOS alone"):
        providers.choose("coreml")
    machine(has=("CoreMLExecutionProvider", CPU.provider))
    assert providers.choose("coreml").provider == "CoreMLExecutionProvider"


def test_never_silently_on_the_cpu(tmp_path):
    """A session that onnxruntime moved to another device is refused."""
    path = models.bilinear(tmp_path / "model.onnx")
    graph = pixel_io.wrapped(path, sha256(path), "uint8")
    absent = Device("cuda", CUDA, {"device_id": "63"})
    with pytest.raises((DeviceError, ModelError)):
        opening.open_session(graph, absent)


def test_nothing_is_reported_to_anybody(tmp_path):
    """onnxruntime's official wheels keep a device id and send events unless told not to."""
    path = models.bilinear(tmp_path / "model.onnx")
    code = f"import gantool; gantool.load({str(path)!r}, device='cpu')"
    cache = tmp_path / "cache"
    environment = {name: text for name, text in os.environ.items() if "TELEMETRY" not in name}
    environment |= {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert [folder.name for folder in cache.iterdir()] == ["gantool"]
    assert not (tmp_path / "home").exists()


def test_the_truth_line_names_device_threads_and_note():
    assert str(CPU) == f"CPU ({providers.cores()} threads)"
    assert str(Device("cuda", CUDA)) == "CUDA"
    noted = Device("cpu", CPU.provider, note="not CUDA: no driver")
    assert str(noted) == f"CPU ({providers.cores()} threads; not CUDA: no driver)"


def test_cores_are_those_this_process_may_use():
    assert 1 <= providers.cores() <= (os.cpu_count() or 1)
