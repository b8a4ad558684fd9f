"""Laws of the task refine-synthetic and of the eyes that it is shown on."""

import csv
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image

import gantool_refine_synthetic
import models
from gantool import UsageError, api, store
from gantool.cli.app import start
from gantool.errors import ModelError
from gantool.outcomes import Done
from gantool.runtime.contract import Contract
from gantool.runtime.session import Session
from gantool_refine_synthetic import DISTANCE, EYES, distance, mixed, refine_synthetic
from gantool_refine_synthetic.eyes import Label, eye, write


@pytest.fixture
def brighter(tmp_path) -> Path:
    """A model file that adds a fifth of the range, 51 levels."""
    nodes = [onnx.helper.make_node("Add", ["x", "w"], ["y"])]
    contract = Contract("refine-synthetic", name="eyes")
    return models.save(tmp_path / "eyes.onnx", nodes, contract, w=np.float32(0.2))


@pytest.fixture
def renders(tmp_path) -> Path:
    """A tree of renders with labels among them."""
    root = tmp_path / "renders"
    for name in ("a/0.png", "a/1.tif", "b/c/0.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        frame = np.random.default_rng(0).integers(0, 200, (9, 12, 3)).astype(np.uint8)
        Image.fromarray(frame).save(root / name)
    (root / "a/labels.csv").write_text("file,yaw\n0.png,3\n")
    return root


def test_options_go_into_names_and_models():
    assert (refine_synthetic().models, refine_synthetic().label) == ((EYES,), "eyes")
    assert refine_synthetic("my/pets.onnx", 0.5).label == "pets-strength-0.5"
    assert refine_synthetic("my/pets.onnx").models == ("my/pets.onnx",)
    assert refine_synthetic().scale == 1


@pytest.mark.parametrize("strength", [1.5, -0.1, float("nan")])
def test_strength_that_cannot_be_is_refused(strength):
    with pytest.raises(UsageError, match="--strength .*: must be from 0 to 1"):
        refine_synthetic(strength=strength)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_strength_is_the_share_of_the_residual(strength, depth):
    most = np.iinfo(depth).max
    frame, refined = np.random.default_rng(0).integers(0, most, (2, 7, 9, 3)).astype(depth)
    result = refine_synthetic(strength=strength).process(frame, lambda _: refined)
    exact = frame + strength * (refined.astype(float) - frame)
    assert result.dtype == depth
    assert np.abs(result - exact).max() <= 0.501
    assert np.array_equal(result, mixed(frame, refined, strength))


class Looking:
    """A Predict that gives the look it is asked for, as a level of grey."""

    contract = Contract("refine-synthetic", conditions={"z": {"shape": [1, 2], "default": 0.0}})

    def __call__(self, frame: np.ndarray, z: np.ndarray) -> np.ndarray:
        assert (z.shape, z.dtype) == ((1, 1, 2), np.float32)
        return np.full_like(frame, round(100 + 20 * z[0, 0, 0]))


def test_looks_are_drawn_from_the_seed_and_the_picture():
    frames = np.random.default_rng(0).integers(0, 255, (9, 4, 5, 3)).astype(np.uint8)
    one, again, other = (refine_synthetic(seed=seed).process for seed in (0, 0, 1))
    looks = [
        [int(process(frame, Looking())[0, 0, 0]) for frame in frames]
        for process in (one, again, other)
    ]
    assert looks[0] == looks[1] != looks[2]
    assert len(set(looks[0])) > 5
    assert np.array_equal(one(frames[0], lambda frame: frame), frames[0])  # one without looks


def test_a_film_has_one_look():
    frames = np.random.default_rng(0).integers(0, 255, (4, 4, 5, 3)).astype(np.uint8)
    stream = refine_synthetic(seed=3).stream
    assert len({frame[0, 0, 0] for frame in stream(iter(frames), Looking())}) == 1


def test_seeds_go_into_names_and_are_from_0():
    assert refine_synthetic(strength=0.5, seed=2).label == "eyes-strength-0.5-seed-2"
    with pytest.raises(UsageError, match="--seed -1: a whole number from 0"):
        refine_synthetic(seed=-1)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_distance_is_the_mean_over_pixels_from_0_to_1(depth):
    most = np.iinfo(depth).max
    frame = np.zeros((2, 5, 3), depth)
    refined = frame.copy()
    refined[0, 0] = most, most // 5, 0
    assert distance(frame, refined) == {DISTANCE: pytest.approx(1.2 / 30, abs=1e-4)}
    assert distance(refined, refined) == {DISTANCE: 0}


def test_names_and_tree_are_mirrored_and_labels_stay_where_they_are(renders, brighter, tmp_path):
    before = {path: path.read_bytes() for path in renders.rglob("*") if path.is_file()}
    out = tmp_path / "refined"
    done = list(api.run("refine-synthetic", renders, model=str(brighter), output=out))
    names = [
        {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        for root in (renders, out)
    ]
    assert names[0] - names[1] == {"a/labels.csv"}
    assert {name for name in names[1] if not Path(name).name.startswith(".")} == {
        "a/0.png",
        "a/1.tif",
        "b/c/0.png",
    }
    assert {path: path.read_bytes() for path in before} == before
    assert [each.figures for each in done if isinstance(each, Done)] == [
        {DISTANCE: pytest.approx(0.2)}
    ] * 3


def test_distances_are_in_events_and_in_the_report(renders, brighter, tmp_path, capsys):
    page = tmp_path / "run.html"
    words = ["refine-synthetic", str(renders), "--model", str(brighter), "-o", str(tmp_path / "o")]
    assert start([*words, "--json", "--report", str(page)]) == 0
    assert f'"figures": {{"{DISTANCE}": 0.2' in capsys.readouterr().out
    assert f"{DISTANCE} 0.2000" in page.read_text()


def test_without_its_distribution_the_model_is_said_how_to_be_added():
    (model,) = gantool_refine_synthetic.gantool_models()
    assert (model.name, model.source) == (EYES, "")
    with pytest.raises(ModelError, match=r"eyes is not installed: pip install \S+"):
        store.locate(EYES, {EYES: model})


# Eyes


def test_an_eye_is_a_function_of_seed_and_number():
    (one, label), (again, same) = eye(3, 5), eye(3, 5)
    assert (one.shape, one.dtype) == ((35, 55), np.uint8)
    assert np.array_equal(one, again)
    assert label == same
    others = [eye(3, 6), eye(4, 5)]
    assert all(not np.array_equal(one, each) for each, _ in others)


def test_the_iris_is_where_the_label_says():
    """The dark disc: less light within its radius than around it, most so at the labelled place."""
    gaps = []
    for number in range(40):
        picture, label = eye(0, number)
        gaps.append(np.hypot(*np.subtract(darkest(picture, label), (label.x, label.y))))
    assert np.median(gaps) <= 1
    assert np.mean(gaps) < 1.5


def darkest(picture: np.ndarray, label: Label) -> tuple[float, float]:
    """Centre of the disc that is darkest beside its ring, left and right, near the label."""
    y, x = np.mgrid[:35, :55] + 0.5
    best = (np.inf, 0.0, 0.0)
    for dy in np.arange(-3, 3.1, 0.5):
        for dx in np.arange(-3, 3.1, 0.5):
            across, down = x - label.x - dx, y - label.y - dy
            radius, level = np.hypot(across, down), np.abs(down) < 3
            inside = picture[(radius < label.radius - 0.5) & level].mean()
            around = picture[(abs(radius - label.radius - 1) < 1) & level].mean()
            best = min(best, (inside - around, label.x + dx, label.y + dy))
    return best[1:]


def test_gaze_moves_the_iris_the_way_it_is_told():
    labels = [eye(0, number)[1] for number in range(200)]
    yaw, pitch, x, y = (
        np.array([getattr(each, name) for each in labels]) for name in ("yaw", "pitch", "x", "y")
    )
    assert np.corrcoef(yaw, x)[0, 1] > 0.9
    assert np.corrcoef(pitch, y)[0, 1] < -0.85
    assert np.ptp(yaw) > 40
    assert np.ptp(pitch) > 25


def test_eyes_are_written_with_their_labels(tmp_path):
    write(tmp_path / "eyes", 3, seed=7)
    with (tmp_path / "eyes/labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["00000.png", "00001.png", "00002.png"]
    for number, row in enumerate(rows):
        picture, label = eye(7, number)
        with Image.open(tmp_path / "eyes" / row["file"]) as file:
            assert file.mode == "L"
            assert np.array_equal(np.asarray(file), picture)
        assert float(row["yaw"]) == pytest.approx(label.yaw, abs=1e-3)
        assert float(row["x"]) == pytest.approx(label.x, abs=1e-3)


def test_renders_show_an_eye(tmp_path):
    """The opening is brighter than the iris and there are edges, in every one of many."""
    for number in range(20):
        picture, label = eye(1, number)
        height, width = picture.shape
        assert 0 < label.x < width
        assert 0 < label.y < height
        assert cv2.Laplacian(picture, cv2.CV_32F).std() > 5


@pytest.fixture(scope="module")
def shipped() -> Session:
    """The model of the second distribution, where it lies beside this one."""
    weights = pytest.importorskip("gantool_weights_noncommercial")
    found = [model for model in weights.gantool_models() if model.name == EYES]
    if not found:
        pytest.skip(f"{EYES} is not there")
    return Session(Path(found[0].source))


def test_shipped_model_says_what_it_is_and_has_looks(shipped):
    contract = shipped.contract
    assert (f"{contract.task}/{contract.name}", contract.statistics) == (EYES, "global")
    assert contract.conditions.keys() == {"z"}


def test_shipped_model_gives_grey_of_every_size_in_one_piece(shipped):
    frame = np.random.default_rng(0).integers(0, 256, (40, 67, 3)).astype(np.uint8)
    whole, again = (Session(shipped.path, tile=size)(frame) for size in (None, "auto"))
    assert (whole == whole[..., :1]).all()
    assert np.array_equal(whole, again)


def test_shipped_model_gives_a_render_looks_that_differ_in_light_and_not_in_place(shipped):
    apart, gaps = [], []
    for number in range(12):
        picture, label = eye(56, number)
        frame = np.repeat(picture[..., None], 3, axis=2)
        one, other = (
            refine_synthetic(seed=seed).process(frame, shipped)[..., 0] for seed in (0, 1)
        )
        halves = [
            np.diff([half.mean() for half in np.hsplit(each[:, :54], 2)]) for each in (one, other)
        ]
        apart.append(np.abs(halves[0] - halves[1]))
        gaps.append(np.hypot(*np.subtract(darkest(one, label), darkest(other, label))))
    assert np.mean(apart) > 10
    assert np.mean(gaps) < 1


def test_shipped_model_uses_more_of_the_range_and_leaves_irises_in_place(shipped):
    """Real eyes are equalised; the dark disc stays within a pixel of the label."""
    spread, gaps = [], []
    for number in range(20):
        picture, label = eye(55, number)
        refined = shipped(np.repeat(picture[..., None], 3, axis=2))[..., 0]
        spread.append(refined.std() / picture.std())
        gaps.append(np.hypot(*np.subtract(darkest(picture, label), darkest(refined, label))))
    assert np.mean(spread) > 1.3
    assert np.mean(gaps) < 1
