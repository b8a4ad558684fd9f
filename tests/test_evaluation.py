"""Laws of evaluation: figures that can be had by hand, beside those of doing without the model."""

import importlib.util
import math
import weakref
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

import feature_networks
import models
from gantool import api, evaluation
from gantool.errors import ItemError, ModelError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.runtime.contract import Contract
from gantool.runtime.session import Session
from gantool.training.samples import Sample, Samples


def picture(seed: int, height: int = 24, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(20, 200, (height, width, 3), np.uint8)


def identity(path: Path) -> str:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return str(models.save(path, nodes, Contract("copy")))


def brighter(path: Path, levels: int) -> str:
    nodes = [helper.make_node("Add", ["x", "more"], ["y"])]
    return str(models.save(path, nodes, Contract("brighten"), more=np.float32(levels / 255)))


@pytest.fixture
def pairs(tmp_path) -> Path:
    """Six pairs; the targets are 30 levels brighter than the inputs."""
    return write_pairs(tmp_path / "pairs", [picture(seed) for seed in range(6)], 30)


def write_pairs(folder: Path, frames: list[np.ndarray], more: int) -> Path:
    for side, added in (("A", 0), ("B", more)):
        (folder / side).mkdir(parents=True)
        for index, frame in enumerate(frames):
            write_image(folder / side / f"{index}.png", frame + np.uint8(added), Carry())
    return folder


def scores(model: str, dataset: Path, **choices: object) -> evaluation.Scores:
    found = api.evaluate(model, dataset, device="cpu", **choices)
    rows = list(found.run())
    assert not [row.problem for row in rows if row.problem]
    return found.summary(rows)


def test_pairs_give_what_a_hand_computes(tmp_path, pairs):
    found = scores(brighter(tmp_path / "m.onnx", 20), pairs)
    targets = np.stack([picture(seed).astype(float) + 30 for seed in range(6)])
    psnr = {"model": 20 * math.log10(255 / 10), "input": 20 * math.log10(255 / 30)}
    assert found["psnr_rgb"] == pytest.approx(psnr)
    narrow = {who: value + 20 * math.log10(255 / 219) for who, value in psnr.items()}
    assert found["psnr_y_crop0"] == pytest.approx(narrow, abs=1e-3)
    flat = np.abs(targets - np.round(targets.mean(axis=0))).mean()
    assert found["l1"] == pytest.approx({"model": 10, "input": 30, "mean_target": flat})
    assert found["ssim_y_crop0"]["input"] < found["ssim_y_crop0"]["model"] < 1


def test_a_model_that_does_nothing_is_as_good_as_its_input(tmp_path, pairs):
    for values in scores(identity(tmp_path / "m.onnx"), pairs).values():
        assert values["model"] == values["input"]


def test_a_model_that_knows_everything_is_perfect(tmp_path, pairs):
    found = scores(brighter(tmp_path / "m.onnx", 30), pairs)
    assert found["psnr_rgb"]["model"] == found["psnr_y_crop0"]["model"] == math.inf
    assert found["ssim_y_crop0"]["model"] == pytest.approx(1)
    assert found["l1"]["model"] == 0


def test_the_mean_target_is_of_all_sizes(tmp_path):
    frames = [np.full((height, width, 3), 100, np.uint8) for height, width in ((20, 30), (30, 20))]
    found = scores(identity(tmp_path / "m.onnx"), write_pairs(tmp_path / "pairs", frames, 50))
    assert found["l1"] == {"model": 50, "input": 50, "mean_target": 0}


def test_enlarging_is_measured_as_by_the_benchmark(tmp_path):
    (tmp_path / "set").mkdir()
    for seed in range(3):
        frame = np.kron(picture(seed, 9, 12), np.ones((5, 5, 1), np.uint8))
        write_image(tmp_path / "set" / f"{seed}.png", frame, Carry())
    assert_as_benchmark(str(models.bilinear(tmp_path / "m.onnx")), tmp_path / "set", 2)


def test_the_shipped_model_is_measured_as_by_the_benchmark(data):
    found = assert_as_benchmark("superres/photo-x4-fidelity", data / "sr" / "Set5", 4)
    assert found["psnr_y_crop4"] == pytest.approx({"model": 31.35, "bicubic": 28.43}, abs=0.006)


def assert_as_benchmark(model: str, folder: Path, scale: int) -> evaluation.Scores:
    quality = benchmark()
    found = scores(model, folder)
    ways = {"model": api.load(model, device="cpu"), "bicubic": lambda x: quality.bicubic(x, scale)}
    for who, enlarge in ways.items():
        wanted = quality.measure(folder, scale, enlarge)
        assert {name: values[who] for name, values in found.items()} == pytest.approx(
            wanted, abs=6e-4
        )
    return found


def benchmark():
    """The script `benchmarks/quality.py` as a module."""
    path = Path(__file__).parent.parent / "benchmarks" / "quality.py"
    spec = importlib.util.spec_from_file_location("quality", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_distance_of_a_perfect_model_is_the_floor(tmp_path, pairs):
    network = feature_networks.mean_colour(tmp_path / "f.onnx")
    found = scores(brighter(tmp_path / "m.onnx", 30), pairs, features=network)
    assert found["kid_poly3_subset3"]["model"] == found["kid_poly3_subset3"]["floor"]
    assert found["kid_poly3_subset3_deviation"].keys() == {"model", "input", "floor"}
    assert found["kid_poly3_subset3"]["input"] > found["kid_poly3_subset3"]["floor"]


def test_two_kinds_are_compared_by_their_distance_alone(tmp_path, pairs):
    (tmp_path / "kinds").mkdir()
    for name, side in (("dark", "A"), ("light", "B")):
        (pairs / side).rename(tmp_path / "kinds" / name)
    network = feature_networks.mean_colour(tmp_path / "f.onnx", ("h", "w"))
    model = brighter(tmp_path / "m.onnx", 25)
    found = scores(model, tmp_path / "kinds", features=network)
    assert set(found) == {"kid_poly3_subset3", "kid_poly3_subset3_deviation"}
    distance = found["kid_poly3_subset3"]
    assert abs(distance["floor"]) < distance["model"] < distance["input"]


def test_a_distance_needs_some_pictures(tmp_path, pairs):
    network = feature_networks.mean_colour(tmp_path / "f.onnx")
    with pytest.raises(UsageError, match="4 pictures of each kind"):
        scores(identity(tmp_path / "m.onnx"), pairs, features=network, limit=3)


def test_what_cannot_be_measured_is_named_and_left_out(tmp_path, pairs):
    (pairs / "B" / "1.png").write_text("I am no picture")
    write_image(pairs / "A" / "2.png", picture(0, 10, 10), Carry())
    write_image(pairs / "B" / "2.png", picture(0, 10, 10), Carry())
    found = api.evaluate(brighter(tmp_path / "m.onnx", 20), pairs, device="cpu")
    rows = list(found.run())
    problems = {row.source.name: row.problem for row in rows if row.problem}
    assert problems.keys() == {"1.png", "2.png"}
    assert f"{pairs}/B/1.png: " in problems["1.png"]
    assert f"{pairs}/A/2.png: 10×10: too small to compare" in problems["2.png"]
    assert found.summary(rows)["l1"]["model"] == pytest.approx(10)


def test_where_nothing_can_be_measured_there_are_no_figures(tmp_path, pairs):
    for path in (pairs / "A").iterdir():
        path.write_text("I am no picture")
    found = api.evaluate(identity(tmp_path / "m.onnx"), pairs, device="cpu")
    rows = list(found.run())
    assert all(row.problem for row in rows)
    assert found.summary(rows) == {}


def test_pictures_are_read_one_by_one_and_not_kept(tmp_path):
    alive: list[weakref.ref[np.ndarray]] = []

    def read():
        assert sum(each() is not None for each in alive) <= 2
        frames = picture(0), picture(1)
        alive.extend(weakref.ref(frame) for frame in frames)
        return frames

    samples = Samples((Sample(Path("x.png"), read),) * 5, (5,), "pairs", "", paired=True)
    session = Session(Path(identity(tmp_path / "m.onnx")))
    rows = list(evaluation.Evaluation(session, samples, None).run())
    assert len(alive) == 2 * 5 * 2  # once for the mean target, once for the model
    assert all(row.scores for row in rows)


def test_a_model_that_fails_on_a_picture_does_not_end_the_run(tmp_path, pairs, monkeypatch):
    found = api.evaluate(identity(tmp_path / "m.onnx"), pairs, device="cpu")
    monkeypatch.setattr(Session, "run", lambda *_: (_ for _ in ()).throw(ItemError("it fails")))
    assert {row.problem for row in found.run()} == {
        f"{pairs}/A/{index}.png: it fails" for index in range(6)
    }


def test_a_model_with_further_inputs_is_refused(tmp_path, pairs):
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    contract = Contract("age", conditions={"age": {"range": [0, 100]}})
    model = models.save(tmp_path / "m.onnx", nodes, contract)
    with pytest.raises(ModelError, match="needs age beside the picture"):
        api.evaluate(str(model), pairs, device="cpu")


@pytest.fixture
def run(tmp_path) -> Path:
    """The folder of a training run with checkpoints of 90 and 100 steps."""
    folder = tmp_path / "run"
    for step in (90, 100):
        (folder / "checkpoints" / f"step_{step:06d}").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def trained(path: Path, steps: int) -> Path:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return models.save(path, nodes, Contract("copy", recipe={"steps": steps}))


def test_of_a_run_the_model_of_the_newest_checkpoint_counts(run):
    old, new = trained(run / "old.onnx", 90), trained(run / "run.onnx", 100)
    feature_networks.mean_colour(run / "features.onnx")
    assert evaluation.exported(run) == [new]
    new.unlink()
    assert evaluation.exported(run) == []
    for checkpoint in (run / "checkpoints").iterdir():
        checkpoint.rmdir()
    assert evaluation.exported(run) == [old]


def test_a_run_without_its_model_is_exported_aside(run, pairs, monkeypatch):
    trained(run / "run.onnx", 90)
    before = sorted(run.rglob("*"))
    given = []
    monkeypatch.setattr(
        "gantool.api.training.export",
        lambda folder, path: given.append(path) or [trained(path, 100)],
    )
    session = api.evaluate(str(run), pairs, device="cpu").session
    assert session.contract.recipe["steps"] == 100
    assert (sorted(run.rglob("*")), given[0].exists()) == (before, False)
    assert np.array_equal(session(picture(0)), picture(0))


def test_a_run_with_several_models_asks_for_one(run, pairs):
    for name in ("a2b.onnx", "b2a.onnx"):
        trained(run / name, 100)
    with pytest.raises(UsageError, match=r"a2b\.onnx, b2a\.onnx"):
        api.evaluate(str(run), pairs, device="cpu")


def test_a_folder_that_is_no_run_is_refused(pairs):
    with pytest.raises(UsageError, match="no training run"):
        api.evaluate(str(pairs), pairs, device="cpu")
