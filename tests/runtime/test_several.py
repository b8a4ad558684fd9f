"""Laws of several devices: what one gives, each with its share; a film stays on the first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import models
from gantool import api
from gantool.runtime import providers
from gantool.runtime.providers import CPU, Device
from gantool.runtime.session import Session
from gantool.runtime.several import Several

FRAMES = list(np.random.default_rng(0).integers(0, 256, (12, 20, 30, 3), np.uint8))


@pytest.fixture
def sessions(tmp_path):
    path = models.bilinear(tmp_path / "model.onnx")
    return [Session(path), Session(path)]


def test_each_gets_its_share_and_results_are_those_of_one(sessions):
    done, beside = [[], []], threading.Barrier(2)

    class Held:
        def __init__(self, number: int):
            self.number, self.session = number, sessions[number]
            self.path, self.sha256 = sessions[number].path, sessions[number].sha256
            self.contract = sessions[number].contract

        def __call__(self, frame):
            beside.wait(20)  # both are at work
            done[self.number].append(frame)
            return self.session(frame)

    several = Several([Held(0), Held(1)])
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(several, FRAMES))
    for frame, result in zip(FRAMES, results, strict=True):
        assert np.array_equal(result, sessions[0](frame))
    assert [len(each) for each in done] == [6, 6]


def test_it_is_stopped_as_a_whole_and_named_by_all(sessions):
    sessions[1].device = Device("cpu", CPU.provider, note="tiles of 96: memory is short")
    several = Several(sessions)
    assert (several.devices, several.device.name) == (2, "cpu + cpu")
    assert "memory is short" in str(several.device)
    several.cancel()
    for each in sessions:
        assert each._runs.cancelled


def test_names_of_several_devices():
    assert providers.each("cuda:0,2") == ["cuda:0", "cuda:2"]
    assert providers.each("cuda:1") == ["cuda:1"]
    assert providers.each("auto") == ["auto"]


def test_a_run_on_several_devices(tmp_path, monkeypatch):
    """The CPU stands for two GPUs."""
    both = Device("cuda", CPU.provider, memory="cpu")
    chosen = []
    monkeypatch.setattr(
        providers, "choose", lambda name, precision="auto": chosen.append(name) or both
    )
    model = models.bilinear(tmp_path / "model.onnx")
    source = tmp_path / "in"
    source.mkdir()
    from gantool.media.carry import Carry
    from gantool.media.images import read_image, write_image

    for number, frame in enumerate(FRAMES):
        write_image(source / f"{number}.png", frame, Carry())
    options = api.RunOptions(output=tmp_path / "out", device="cuda:0,1")
    plan = api.plan_model([str(source)], options, model=str(model))
    assert isinstance(plan.sessions[0], Several)
    assert plan.work().together == 6
    list(api.execute(plan))
    assert {"cuda:0", "cuda:1"} <= set(chosen)
    for number, frame in enumerate(FRAMES):
        result, _ = read_image(tmp_path / "out" / f"{number}.png")
        assert np.array_equal(result, Session(model)(frame))
