"""Laws of reading strangers' weights: nothing that is in the file is run."""

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gantool.errors import ModelError
from gantool.training import foreign

WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.tensor([0.5, -1.0])}


class Evil:
    """When its pickle is loaded, it makes the folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def same(given: dict[str, torch.Tensor]) -> bool:
    return given.keys() == WEIGHTS.keys() and all(given[key].equal(WEIGHTS[key]) for key in given)


def converted(path: Path) -> str:
    """What refuses `path`, read in this process; empty where nothing does."""
    foreign.convert(path, path.parent)
    refused = path.parent / foreign.REFUSED
    return refused.read_text() if refused.is_file() else ""


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip"])
def test_checkpoint_gives_its_weights(zipped, tmp_path):
    torch.save(OrderedDict(WEIGHTS), tmp_path / "g.pth", _use_new_zipfile_serialization=zipped)
    assert same(foreign.weights(tmp_path / "g.pth"))


def test_safetensors_give_their_weights(tmp_path):
    save_file(WEIGHTS, tmp_path / "g.safetensors")
    assert same(foreign.weights(tmp_path / "g.safetensors"))


def test_half_precision_becomes_float32_and_counters_stay(tmp_path):
    save_file({"a": torch.ones(2).half(), "n": torch.tensor(3)}, tmp_path / "g.safetensors")
    kinds = {name: each.dtype for name, each in foreign.weights(tmp_path / "g.safetensors").items()}
    assert kinds == {"a": torch.float32, "n": torch.int64}


@pytest.mark.parametrize("zipped", [False, True], ids=["old format", "zip"])
@pytest.mark.parametrize("beside", [{}, WEIGHTS], ids=["alone", "beside weights"])
def test_nothing_in_a_pickle_is_run(zipped, beside, tmp_path):
    made = tmp_path / "made"
    content = {**beside, "more": Evil(made)}
    torch.save(content, tmp_path / "g.pth", _use_new_zipfile_serialization=zipped)
    refusal = converted(tmp_path / "g.pth")
    assert "refused, nothing of it was run: it asks for " in refusal
    assert "mkdir" in refusal
    assert not made.exists()
    torch.load(tmp_path / "g.pth", weights_only=False)
    assert made.exists()  # it would have been


def test_refusal_comes_back_from_the_reading_process(tmp_path, monkeypatch):
    """Which does not read modules from the current folder either."""
    monkeypatch.chdir(tmp_path)
    Path("torch.py").write_text("open('made', 'w')")
    torch.save({"more": Evil(tmp_path / "made")}, "g.pth")
    with pytest.raises(ModelError, match=r"^g\.pth: refused, nothing of it was run"):
        foreign.weights(Path("g.pth"))
    assert not Path("made").exists()


def test_weights_that_claim_more_memory_than_allowed_are_refused(tmp_path):
    pytest.importorskip("resource")
    torch.save({"a": torch.ones(1).expand(3 * 2**30)}, tmp_path / "g.pth")  # 12 GiB in 1 KiB
    with pytest.raises(ModelError, match=r"g\.pth: its weights cannot be read: .*memory"):
        foreign.weights(tmp_path / "g.pth")


def test_reading_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "SECONDS", 0.01)
    torch.save(WEIGHTS, tmp_path / "g.pth")
    with pytest.raises(ModelError, match="takes more than 0.01 s"):
        foreign.weights(tmp_path / "g.pth")


IMPORTERS = {
    "greedy": "import torch\ndef read(weights):\n    return torch.zeros(2**33)\n",
    "broken": "def read(weights):\n    return 1 / 0\n",
    "modest": "def read(weights):\n    assert list(weights) == ['a.weight', 'a.bias']\n",
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", IMPORTERS)
def test_network_too_large_to_be_made_is_refused_before_it_is(kind, suffix, tmp_path, monkeypatch):
    """Other failures of an importer show when it is used."""
    pytest.importorskip("resource")
    (tmp_path / f"{kind}.py").write_text(IMPORTERS[kind])
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    file = tmp_path / f"g{suffix}"
    (torch.save if suffix == ".pth" else save_file)(WEIGHTS, file)
    if kind == "greedy":
        with pytest.raises(ModelError, match=r"refused: its network needs more than 3 GiB"):
            foreign.weights(file, f"{kind}:read")
    else:
        assert same(foreign.weights(file, f"{kind}:read"))


@pytest.mark.slow
def test_reading_that_keeps_the_processor_busy_is_ended(tmp_path, monkeypatch):
    pytest.importorskip("resource")
    (tmp_path / "endless.py").write_text("def read(weights):\n    while True: pass\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    torch.save(WEIGHTS, tmp_path / "g.pth")
    with pytest.raises(ModelError, match=r"takes more than (15|60) s"):
        foreign.weights(tmp_path / "g.pth", "endless:read")


def cut(path: Path) -> None:
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:-300])


def scripted(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("g/data.pkl", pickle.dumps(1))


DAMAGED = {
    "cut": cut,
    "empty": Path.touch,
    "web page": lambda path: path.write_text("<!DOCTYPE html><html>not found</html>"),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "some zip": scripted,
    "plain pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_checkpoint_is_refused_in_one_line(damage, tmp_path):
    damage(tmp_path / "g.pth")
    refusal = converted(tmp_path / "g.pth")
    assert refusal.startswith("not a checkpoint of PyTorch")
    assert "\n" not in refusal


@pytest.mark.parametrize("name", ["g.pth", "g.safetensors"])
def test_missing_file_is_refused(name, tmp_path):
    with pytest.raises(ModelError, match=f"{name}: no such file"):
        foreign.weights(tmp_path / name)


def test_program_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "g.pt", "w") as file:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            file.writestr(f"g/{name}", b"3\n")
    assert converted(tmp_path / "g.pt").startswith("a TorchScript program: give the checkpoint")


def test_damaged_safetensors_are_refused(tmp_path):
    (tmp_path / "g.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="g.safetensors: not a safetensors file"):
        foreign.weights(tmp_path / "g.safetensors")


@pytest.mark.parametrize(
    "checkpoint",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3},
        {"model": {"state_dict": WEIGHTS}, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
        {"params": {"old": torch.ones(1)}, "params_ema": WEIGHTS},
        {"netG": WEIGHTS, "netD": {"b": torch.ones(1)}},
        {"whatever": WEIGHTS, "epoch": 3},
    ],
    ids=["bare", "state_dict", "nested", "average", "generator", "the only one"],
)
def test_network_is_found_in_what_wraps_it(checkpoint):
    assert same(foreign.network_in(checkpoint))


@pytest.mark.parametrize(
    ("checkpoint", "said"),
    [
        (torch.ones(3), "holds a Tensor"),
        ([WEIGHTS], "holds a list"),
        ({}, "none"),
        ({"epoch": 3}, "none"),
        ({"A": WEIGHTS, "B": WEIGHTS}, "A, B"),
        ({"model": {"epoch": 3}}, "none"),
    ],
    ids=["tensor", "list", "empty", "no weights", "two", "wrapped nothing"],
)
def test_nothing_is_guessed_where_there_is_not_one_network(checkpoint, said):
    with pytest.raises(ModelError, match=said):
        foreign.network_in(checkpoint)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_what_wraps_a_network_goes_from_the_names(prefix, tmp_path):
    save_file({f"{prefix}{key}": each for key, each in WEIGHTS.items()}, tmp_path / "g.safetensors")
    assert same(foreign.weights(tmp_path / "g.safetensors"))


def test_prefix_of_some_names_only_stays(tmp_path):
    given = {"module.a": torch.ones(1), "b": torch.ones(1)}
    save_file(given, tmp_path / "g.safetensors")
    assert foreign.weights(tmp_path / "g.safetensors").keys() == given.keys()
