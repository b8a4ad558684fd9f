"""Laws of runs: they can be stopped, end, give memory back, and give numbers."""

import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import models
from gantool import api
from gantool.errors import ItemError, ModelError
from gantool.runtime import opened, providers, trial
from gantool.runtime.contract import Contract
from gantool.runtime.opened import UnsoundError
from gantool.runtime.session import Session, sha256

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def chain(path: Path, operators: list[str], **constants: object) -> Path:
    """A model of one operator after the other."""
    names = ["x", *(f"t{number}" for number in range(len(operators) - 1)), "y"]
    nodes = [
        helper.make_node(name, [given, *constants], [made])
        for name, given, made in zip(operators, names, names[1:], strict=False)
    ]
    return models.save(path, nodes, Contract("run"), **constants)


def slow(path: Path) -> Path:
    """Thousands of operators that each take a while on a large frame."""
    return chain(path, ["Softplus"] * 3000)


def test_a_run_is_stopped_from_another_thread(tmp_path):
    session = Session(slow(tmp_path / "slow.onnx"), tile=None)
    threading.Timer(0.3, session.cancel).start()
    began = time.monotonic()
    with pytest.raises(ItemError, match="stopped"):
        session(np.tile(NOISE, (12, 12, 1)))
    assert time.monotonic() - began < 5
    with pytest.raises(ItemError, match="stopped"):
        session(NOISE)


def test_a_run_that_takes_absurdly_long_is_ended_and_the_model_named(tmp_path, monkeypatch):
    monkeypatch.setattr(opened, "PATIENCE", 0.5)
    monkeypatch.setattr(opened, "PER_PIXEL", 0)
    with pytest.raises(ItemError, match=r"slow\.onnx did not finish 768×768 in \d+ s"):
        Session(slow(tmp_path / "slow.onnx"), tile=None)(np.tile(NOISE, (12, 12, 1)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("operator", "given"), [("Log", 0), ("Sqrt", 0)])
def test_what_is_not_finite_is_no_picture(operator, given, dtype, tmp_path):
    nodes = [
        helper.make_node("Sub", ["x", "one"], ["shifted"]),
        helper.make_node(operator, ["shifted"], ["y"]),
    ]
    path = models.save(tmp_path / "bad.onnx", nodes, Contract("run"), one=np.float32(2))
    with pytest.raises(UnsoundError, match=r"bad\.onnx gives values that are not finite"):
        Session(path)(NOISE.astype(dtype))


def test_one_value_that_is_not_finite_is_enough(tmp_path):
    path = chain(tmp_path / "bad.onnx", ["Log"])
    frame = np.full((40, 40, 3), 9, np.uint8)
    assert Session(path)(frame).shape == frame.shape
    frame[7, 8, 1] = 0
    with pytest.raises(UnsoundError, match="not finite"):
        Session(path, tile=16)(frame)


def test_a_black_result_is_refused_unless_the_frame_is_flat(tmp_path):
    path = chain(tmp_path / "black.onnx", ["Mul"], zero=np.float32(0))
    with pytest.raises(UnsoundError, match=r"black\.onnx gives a picture that is black"):
        Session(path, tile=16)(NOISE)
    for value in (0, 9):
        assert not Session(path)(np.full((8, 8, 3), value, np.uint8)).any()
    almost = np.zeros((40, 40, 3), np.uint8)
    almost[33, 39, 2] = 255
    assert Session(models.bilinear(tmp_path / "x2.onnx"), tile=16)(almost).any()


def test_what_is_unsound_elsewhere_is_tried_once_on_the_cpu(tmp_path, monkeypatch):
    session = Session(models.bilinear(tmp_path / "x2.onnx"))
    right = session(NOISE)
    coarse = Session(session.path)
    coarse.device = providers.Device("cuda", "CUDAExecutionProvider")
    tried = []

    def unsound(*_, **__):
        tried.append(1)
        raise UnsoundError("not finite")

    monkeypatch.setattr(coarse, "_sound", unsound)
    assert (coarse(NOISE) == right).all()
    assert len(tried) == 1


def test_more_memory_than_there_is_fails_one_item_in_one_line(tmp_path, monkeypatch):
    nodes = [  # every pixel beside every other: a terabyte
        helper.make_node("Reshape", ["x", "flat"], ["row"]),
        helper.make_node("Reshape", ["x", "upright"], ["column"]),
        helper.make_node("Mul", ["row", "column"], ["all"]),
        helper.make_node("ReduceMax", ["all"], ["most"], keepdims=1),
        helper.make_node("Add", ["x", "most"], ["y"]),
    ]
    constants = {"flat": np.array([1, 1, 1, -1]), "upright": np.array([1, 1, -1, 1])}
    path = models.save(tmp_path / "greedy.onnx", nodes, Contract("run"), **constants)
    session = Session(path, tile=None)
    assert session(NOISE[:8, :8]).shape == (8, 8, 3)
    with pytest.raises(ItemError) as failed:
        session(np.tile(NOISE, (12, 12, 1)))
    assert "greedy.onnx needs more memory for 768×768 than there is" in str(failed.value)
    assert "\n" not in str(failed.value)


def test_memory_of_large_frames_is_given_back(tmp_path):
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system does not tell")

    def held() -> int:
        line = next(each for each in status.read_text().splitlines() if "RssAnon" in each)
        return int(line.split()[1]) >> 10

    session = Session(chain(tmp_path / "model.onnx", ["Softplus"] * 4), tile=None)
    session(NOISE)
    before = held()
    session(np.tile(NOISE, (60, 60, 1)))  # 15 megapixels: 177 MB a tensor
    assert held() - before < 100


def test_a_result_may_not_have_more_pixels_than_allowed(tmp_path):
    session = Session(models.bilinear(tmp_path / "x2.onnx"), most=4 * 64 * 64)
    assert session(NOISE).shape == (128, 128, 3)
    with pytest.raises(ItemError, match=r"would be 130×128.*--max-pixels"):
        session(np.pad(NOISE, ((0, 0), (0, 1), (0, 0))))


def tried(path: Path) -> None:
    trial.check(path, sha256(path))


def verdict(path: Path) -> str:
    return trial._verdict(path, sha256(path))


def test_a_model_that_keeps_its_contract_passes_and_is_tried_once(tmp_path, monkeypatch):
    path = models.bilinear(tmp_path / "x3.onnx", 3)
    tried(path)
    monkeypatch.setattr(trial, "_verdict", lambda *_: "tried again")
    tried(path)


def test_a_model_of_another_scale_than_it_says_is_refused(tmp_path):
    model = onnx.load(models.bilinear(tmp_path / "x2.onnx"))
    del model.metadata_props[:]
    model.metadata_props.add(key="gantool", value=Contract("run", scale=4).to_json())
    onnx.save(model, tmp_path / "lying.onnx")
    said = r"lying\.onnx: refused: .* gives 192×128 of .* says 4 times"
    with pytest.raises(ModelError, match=said):
        tried(tmp_path / "lying.onnx")


def test_a_model_that_never_ends_takes_all_memory_or_crashes_is_refused(tmp_path, monkeypatch):
    path = models.bilinear(tmp_path / "x2.onnx")
    for code, said in (
        ("while True: pass", "did not finish"),
        ("import os; os.abort()", "crashes onnxruntime"),
        ("import os; os.kill(os.getpid(), 11)", "crashes onnxruntime"),
    ):
        script = tmp_path / "python"
        limits = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 9))\n"
        script.write_text(f"#!{trial.sys.executable}\n{limits}{code}\n")
        script.chmod(0o755)
        with monkeypatch.context() as patched:
            patched.setattr(trial.sys, "executable", str(script))
            assert said in verdict(path)


def test_a_trial_runs_nothing_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("numpy.py").write_text("open('ran', 'w').close()")
    Path("gantool.py").write_text("open('ran', 'w').close()")
    assert verdict(models.bilinear(Path("x2.onnx"))) == trial.FINE
    assert not Path("ran").exists()


def test_an_accident_in_a_trial_is_not_held_against_the_model(tmp_path, monkeypatch):
    path = models.bilinear(tmp_path / "x7.onnx", 7)
    monkeypatch.setattr(trial, "_verdict", lambda *_: "it crashes onnxruntime")
    with pytest.raises(ModelError, match="it crashes"):
        tried(path)
    monkeypatch.undo()
    tried(path)


@pytest.mark.parametrize("interpreter", ["false", "no-such-interpreter"])
def test_a_trial_that_cannot_be_held_is_no_verdict(interpreter, tmp_path, monkeypatch):
    path = models.bilinear(tmp_path / "x5.onnx", 3 + len(interpreter))
    monkeypatch.setattr(trial.sys, "executable", interpreter)
    tried(path)
    monkeypatch.setattr(trial, "_verdict", lambda *_: "bad")
    with pytest.raises(ModelError, match="refused: bad"):
        tried(path)


def test_the_limit_of_memory_is_the_childs_alone(tmp_path, monkeypatch):
    nodes = [
        helper.make_node("Tile", ["x", "times"], ["large"]),
        helper.make_node("ReduceMean", ["large"], ["level"], keepdims=1),
        helper.make_node("Add", ["x", "level"], ["y"]),
    ]
    times = np.array([1, 1, 240, 240])  # 4 GB of a picture of 96×64
    path = models.save(tmp_path / "large.onnx", nodes, Contract("run"), times=times)
    assert "needs more than 4 GB" in verdict(path)


def test_a_trial_is_held_where_memory_is_limited_already(tmp_path):
    """As by `ulimit -v`: it takes no more than that, and is not left out."""
    resource = pytest.importorskip("resource")
    path = models.bilinear(tmp_path / "x2.onnx")
    limit = 3 * 2**30
    code = f"""
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
from gantool.runtime import trial
trial.limit(Path(sys.argv[1]), 9)
print(resource.getrlimit(resource.RLIMIT_AS) == ({limit}, {limit}))
print(trial._verdict(Path(sys.argv[1]), sys.argv[2]))
"""
    assert resource
    command = [trial.sys.executable, "-c", code, str(path), sha256(path)]
    done = trial.subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", trial.FINE]


def test_what_was_tried_is_what_is_used(tmp_path, monkeypatch):
    """The file is another one when its trial is over."""
    path = models.bilinear(tmp_path / "x2.onnx", 5)
    other = models.bilinear(tmp_path / "other.onnx", 6).read_bytes()
    assert "changed" in trial._verdict(path, "0" * 64)
    monkeypatch.setattr(trial, "check", lambda path, _: path.write_bytes(other))
    with pytest.raises(ModelError, match="changed while it was read"):
        api.load(str(path), device="cpu")


def test_a_model_that_wants_to_be_told_something_is_tried_with_zeros(tmp_path):
    nodes = [helper.make_node("Add", ["x", "age"], ["y"])]
    path = models.save(tmp_path / "age.onnx", nodes, Contract("run", conditions={"age": {}}))
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("age", 1, [1]))
    path.write_bytes(model.SerializeToString())
    assert verdict(path) == trial.FINE


@pytest.mark.parametrize(
    ("node", "constants", "said"),
    [
        (helper.make_node("Mul", ["x", "zero"], ["y"]), {"zero": np.float32(0)}, trial.FINE),
        (helper.make_node("Log", ["low"], ["y"]), {}, "not finite"),
        (helper.make_node("Gather", ["x", "at"], ["y"], axis=2), {"at": np.array([99])}, "fails"),
    ],
    ids=["black", "not finite", "out of bounds"],
)
def test_what_fails_on_a_picture_is_refused_and_what_is_black_is_not(
    node, constants, said, tmp_path
):
    below = helper.make_node("Sub", ["x", "one"], ["low"])
    constants = {**constants, "one": np.float32(2)}
    path = models.save(tmp_path / "model.onnx", [below, node], Contract("run"), **constants)
    assert said in verdict(path)
