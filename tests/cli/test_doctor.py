"""`gantool doctor`: a line for everything, the fix with it, and 0 only where the device works."""

import json

import pytest

from gantool import doctor as room
from gantool.cli.app import start
from gantool.runtime import missing, providers


@pytest.fixture
def doctor(capfd):
    """Runs it: (code, findings by name)."""

    def run(*arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
        code = start(["doctor", "--json", *arguments])
        findings = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert all(each["v"] == 1 for each in findings)
        return code, {each["name"]: each for each in findings}

    return run


def test_every_device_is_tried_or_says_what_it_lacks(doctor):
    code, found = doctor("--device", "cpu")
    assert code == 0
    assert set(providers.TABLE) <= found.keys()
    assert found["cpu"]["good"] is True
    assert " ms for 256×256 with " in found["cpu"]["text"]
    assert "CPU (" in found["cpu"]["text"]
    if problem := missing.coreml():
        assert (found["coreml"]["good"], found["coreml"]["text"]) == (None, problem)


def test_auto_is_what_a_run_would_take(doctor):
    code, found = doctor()
    assert code == 0
    assert found["auto"]["good"] is True


@pytest.mark.parametrize("device", ["tpu", "coreml", "cuda:77"])
def test_a_device_that_is_asked_for_and_does_not_work_ends_with_1(doctor, device):
    code, found = doctor("--device", device)
    assert code == 1
    assert found[device]["good"] is False
    assert found[device]["needed"] is True


def test_two_wheels_of_onnxruntime_are_found_out(doctor, monkeypatch):
    class Wheel:
        def __init__(self, name: str):
            self.metadata, self.version = {"Name": name}, "1.2"

    wheels = [Wheel("onnxruntime"), Wheel("onnxruntime-gpu")]
    monkeypatch.setattr(room, "distributions", lambda: wheels)
    code, found = doctor("--device", "cpu")
    assert code == 1
    assert found["onnxruntime"]["text"] == "onnxruntime 1.2, onnxruntime-gpu 1.2"
    assert "uninstall all of them" in found["onnxruntime"]["fix"]


def test_what_is_not_installed_has_its_command(doctor, monkeypatch):
    version = room.version

    def gone(name: str) -> str:
        if name in ("pluggy", "torch"):
            raise room.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(room, "version", gone)
    code, found = doctor("--device", "cpu")
    assert code == 1
    assert found["pluggy"]["fix"].endswith("-m pip install pluggy")
    assert found["training"]["fix"] == 'pip install "gantool[train]"'
    assert found["training"]["needed"] is False


def test_without_json_it_is_a_table(capfd):
    assert start(["doctor", "--device", "cpu"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith("ok  cpu ") for line in lines)
