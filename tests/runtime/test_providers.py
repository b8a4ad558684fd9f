"""Laws of devices: the one that was asked for, or an error that says what to do."""

import os
import subprocess
import sys

import pytest

import models
from gantool.errors import DeviceError, ModelError
from gantool.runtime import pixel_io, providers
from gantool.runtime.providers import CPU, Device
from gantool.runtime.session import sha256

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def machine(monkeypatch):
    """machine(libraries, providers): what this machine seems to have."""

    def pretend(*libraries: str, has: tuple[str, ...] = (CUDA, CPU.provider)) -> None:
        def loads(*names: str) -> bool:
            return any(name.startswith(libraries or ("nothing",)) for name in names)

        monkeypatch.setattr(providers, "_loads", loads)
        monkeypatch.setattr(providers.onnxruntime, "get_available_providers", lambda: list(has))
        monkeypatch.setattr(providers.onnxruntime, "preload_dlls", lambda: None, raising=False)
        providers.cuda_missing.cache_clear()

    yield pretend
    providers.cuda_missing.cache_clear()


@pytest.mark.parametrize("name", ["tpu", "", "CPU ", "cpu:0", "cuda:x", "cuda:-1"])
def test_an_unknown_device_gets_the_list(name):
    with pytest.raises(DeviceError, match="no such device; there are auto, cpu, cuda and cuda:N"):
        providers.choose(name)


def test_cpu_is_always_there():
    assert providers.choose("cpu") == CPU


@pytest.mark.parametrize(
    ("libraries", "has", "problem"),
    [
        ((), (CUDA, CPU.provider), "no NVIDIA driver .*--device cpu"),
        (("libcuda",), (CPU.provider,), r"no CUDA provider: pip install .gantool\[cuda\]"),
        (("libcuda",), (CUDA, CPU.provider), r"cuDNN 9 is not installed: pip install"),
    ],
)
def test_cuda_is_refused_with_the_fix(machine, libraries, has, problem):
    machine(*libraries, has=has)
    with pytest.raises(DeviceError, match=f"--device cuda: .*{problem}"):
        providers.choose("cuda")


def test_auto_is_the_cpu_without_a_driver_and_says_nothing(machine):
    machine()
    assert providers.choose("auto") == CPU


def test_auto_says_why_it_is_not_cuda_where_there_is_a_driver(machine):
    machine("libcuda")
    device = providers.choose("auto")
    assert device.provider == CPU.provider
    assert "cuDNN 9 is not installed" in str(device)


def test_cuda_is_taken_where_all_is_there(machine):
    machine("libcuda", "libcudnn")
    assert providers.choose("auto").provider == CUDA
    assert providers.choose("cuda:3").options["device_id"] == "3"
    assert providers.choose("cuda").options["device_id"] == "0"


def test_never_silently_on_the_cpu(tmp_path):
    """A session that onnxruntime moved to another device is refused."""
    path = models.bilinear(tmp_path / "model.onnx")
    graph = pixel_io.wrapped(path, sha256(path), "uint8")
    absent = Device("cuda", CUDA, {"device_id": "63"})
    with pytest.raises((DeviceError, ModelError)):
        providers.open_session(graph, absent)


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
