"""The gates: measures at pictures whose right answer is known, planted faults, exit statuses."""

import importlib
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import onnx
import pytest
from PIL import Image

import gantool
import models
from gantool.runtime.contract import Contract

FOLDER = Path(__file__).parent.parent / "benchmarks"
FIDELITY = "superres/photo-x4-fidelity"


@pytest.fixture(scope="module")
def gate():
    """The scripts import each other from beside them."""
    names = ("gates", "harm_scenes", "harm_art", "harm", "droplets")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


def affine(path: Path, scale: int, gain: float) -> Path:
    """Bilinear enlargement, then gain·(x − ½) + ½."""
    nodes = [
        onnx.helper.make_node("Resize", ["x", "", "scales"], ["large"], mode="linear"),
        onnx.helper.make_node("Mul", ["large", "gain"], ["times"]),
        onnx.helper.make_node("Add", ["times", "offset"], ["y"]),
    ]
    values = {"gain": np.float32(gain), "offset": np.float32((1 - gain) / 2)}
    scales = np.array([1, 1, scale, scale], np.float32)
    return models.save(
        path, nodes, Contract("superres", scale=scale, halo=1), scales=scales, **values
    )


def missed(gate, enlarge, scale=2) -> set[str]:
    return {row.check for row in gate.harm.check("way", enlarge, scale) if not row.passes}


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("way", ["bicubic", "lanczos"])
def test_plain_enlargement_passes(gate, way, scale):
    rows = list(gate.harm.check(way, partial(getattr(gate.harm, way), scale=scale), scale))
    assert all(row.passes for row in rows)
    noise = [row.value for row in rows if row.check == "noise"]
    assert len(noise) == 27
    assert noise == [1] * 27 if way == "lanczos" else 0.85 < min(noise) <= max(noise) < 0.98
    assert all(row.value < 0.1 for row in rows if row.check in ("specks", "dots"))


def test_each_planted_fault_is_caught_by_its_own_check(gate):
    def bicubic(frame):
        return gate.harm.bicubic(frame, 2).astype(float)

    def sharper(frame):
        y = bicubic(frame)
        return gate.harm_scenes.to_frame(y + 0.5 * (y - cv2.GaussianBlur(y, (0, 0), 2)))

    def rippled(frame):  # broad waves, which are no fine detail
        y, x = np.mgrid[: 2 * frame.shape[0], : 2 * frame.shape[1]] / 16
        return gate.harm_scenes.to_frame(bicubic(frame) + 5 * (np.sin(x) * np.sin(y))[..., None])

    def redder(frame):
        return gate.harm_scenes.to_frame(bicubic(frame) + [2, 0, 0])

    assert missed(gate, sharper) == {"noise"}
    assert missed(gate, rippled) == {"ripples"}
    assert missed(gate, redder) == {"colours"}


def test_roughness_is_the_factor_by_which_noise_grew(gate):
    def louder(frame):
        return gate.harm_scenes.to_frame(128 + 2 * (gate.harm.lanczos(frame, 2) - 128.0))

    scene = ([gate.harm_scenes.make_grey()], "gaussian", 10)
    assert gate.harm.measure_roughness(louder, 2, scene) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_dots_are_the_part_that_returns_with_each_input_row(gate, scale):
    """A wave of 5 % over lines whose contrast is 1 has a root mean square of 0.05/√2, or 0.05."""
    (dark, light) = gate.harm_art.make_poles()
    for poles, paper in ((dark, 200), (light, 60)):
        result = gate.harm.bicubic(poles.frame, scale).astype(float)
        wave = 1 + 0.05 * np.cos(2 * np.pi * np.arange(len(result)) / scale)
        result = gate.harm_scenes.to_frame(paper + (result - paper) * wave[:, None, None])
        expected = 5 if scale == 2 else 5 / np.sqrt(2)
        assert gate.harm.measure_dots(result, poles, scale) == pytest.approx(expected, rel=0.05)


def test_specks_are_the_largest_colour_of_a_pixel(gate):
    frame = np.full((9, 9, 3), 250, np.uint8)
    assert gate.harm.measure_specks(frame) == 0
    frame[4, 4] = (250, 240, 211)
    assert gate.harm.measure_specks(frame) == 39


def test_noise_is_as_strong_as_said_and_the_same_each_time(gate):
    scenes = gate.harm_scenes
    for kind, sigma, light, expected in (
        ("gaussian", 10, 60, 10),
        ("poisson", 10, 128, 10),
        ("poisson", 10, 32, 5),
    ):
        flat = np.full((96, 96, 3), light, np.uint8)
        one, other = (scenes.NOISES[kind](flat, sigma, scenes.seed_generator(1)) for _ in "ab")
        assert np.array_equal(one, other)
        assert one.std() == pytest.approx(expected, rel=0.03)
        assert one.mean() == pytest.approx(light, abs=0.5)


def test_a_camera_keeps_each_colour_and_joins_noise_of_neighbours(gate):
    frame = np.full((96, 96, 3), (200, 120, 60), np.uint8)
    taken = gate.harm_scenes.take_as_camera(frame, 10, gate.harm_scenes.seed_generator(1))
    assert np.allclose(taken.mean((0, 1)), (200, 120, 60), atol=1)
    luma = taken.astype(float).mean(2)
    luma -= luma.mean()
    assert (luma[:, 1:] * luma[:, :-1]).mean() > 0.2 * (luma**2).mean()


def test_lights_are_no_flat_area(gate):
    night = gate.harm_scenes.make_night()
    area = gate.harm_scenes.find_flat_area(night)
    assert night.max() > 180
    assert night[area].max() < 40
    assert 0.3 < area.mean() < 0.9
    assert gate.harm_scenes.find_flat_area(gate.harm_scenes.make_sky()).mean() > 0.8


def test_pages_are_paper_where_they_are_judged(gate):
    pages = list(gate.harm_art.make_pages())
    assert len({page.name for page in pages}) == 8
    assert [page.is_grey for page in pages] == [True, True, False, False] * 2
    for page in pages:
        error = np.abs(page.frame[page.area] - np.array(page.paper, float))
        assert error.mean() < 0.3  # what the reduction leaves
        assert 0.5 < page.area.mean() < 0.9
        assert np.ptp(page.frame[..., 1].astype(int)) > 40  # and there is ink


def test_calm_sky_and_dark_places_are_found_in_photographs(gate):
    random = np.random.default_rng(0)
    day = random.integers(0, 256, (512, 512, 3)).astype(np.uint8)
    day[:140, 116:268] = (120, 160, 220)
    dusk = np.full((256, 256, 3), 20, np.uint8)
    found = gate.harm_scenes.find_flat_crops([day, dusk, day])
    assert [len(found["photo sky"]), len(found["photo night"])] == [2, 1]
    assert np.array_equal(found["photo sky"][0][9, 9], (120, 160, 220))
    assert found["photo night"][0].shape == (64, 64, 3)
    wall = np.full((256, 256, 3), (200, 150, 120), np.uint8)
    assert not gate.harm_scenes.find_flat_crops([wall])


def test_photographs_add_rows(gate):
    photo = np.full((256, 256, 3), (120, 160, 220), np.uint8)
    cases = {
        (row.check, row.case)
        for row in gate.harm.check("way", partial(gate.harm.bicubic, scale=2), 2, [photo])
    }
    assert {("noise", "photo sky, camera 20"), ("colours", "photos")} <= cases


def test_a_missed_bar_is_exit_status_1(gate, tmp_path, capsys):
    calm, loud = affine(tmp_path / "calm.onnx", 2, 1), affine(tmp_path / "loud.onnx", 2, 1.5)
    table = tmp_path / "table.json"
    assert gate.harm.main(["--model", str(calm)]) == 0
    assert "0 of 37 bars missed" in capsys.readouterr().out
    assert gate.harm.main(["--model", str(loud), "--json", str(table)]) == 1
    rows = json.loads(table.read_text())
    assert {row["by"] for row in rows} == {"bicubic ×2", str(loud)}
    assert {row["check"] for row in rows if not row["passes"]} >= {"noise", "colours"}
    assert all(row["passes"] for row in rows if row["by"] == "bicubic ×2")
    assert gate.harm.main(["--model", str(loud), "--report-only"]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--model", "superres/photo-x5"], 4, "superres/photo-x5"),
        (["--task", "scale"], 2, "write options as in"),
        (["--task", "scale=5"], 2, "--scale 5"),
        (["--task", "scale=2", "--photos", "EMPTY"], 3, "no picture"),
    ],
)
def test_what_cannot_be_measured_is_one_line(gate, tmp_path, capsys, arguments, status, line):
    words = [str(tmp_path) if word == "EMPTY" else word for word in arguments]
    assert gate.harm.main(words) == status
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_a_model_that_does_not_enlarge_is_refused(gate, tmp_path, capsys):
    assert gate.harm.main(["--model", str(models.wide_blur(tmp_path / "blur.onnx"))]) == 2
    assert "its scale is 1" in capsys.readouterr().err


def test_the_task_is_measured_with_its_own_models(gate):
    way = gate.harm.open_task("scale=4,denoise=0")
    frame = np.random.default_rng(0).integers(0, 256, (16, 20, 3)).astype(np.uint8)
    assert (way.name, way.scale) == ("superres --scale 4 --denoise 0", 4)
    assert np.array_equal(way.enlarge(frame), gantool.load(FIDELITY)(frame))


# Droplets


@pytest.fixture(scope="module")
def photos() -> list:
    """Four of 256×320 with dark and light halves and some texture."""
    random = np.random.default_rng(0)
    frames = [np.full((256, 320, 3), 60, np.uint8) for _ in range(4)]
    for frame in frames:
        frame[:128] = 170
        frame += random.integers(0, 20, frame.shape, np.uint8)
    return frames


def values(gate, photos, results) -> dict[str, float]:
    return {row.check: row.value for row in gate.droplets.check("style", photos, results)}


def test_a_palette_and_lifted_shadows_are_no_droplets(gate, photos):
    curve = (255 * (np.arange(256) / 255) ** 0.6).astype(np.uint8)
    toned = [curve[photo] for photo in photos]
    assert values(gate, photos, photos) == dict.fromkeys(
        ("droplets", "bleached", "blob", "luma", "colour"), 0
    )
    told = values(gate, photos, toned)
    assert told["droplets"] == 0
    assert told["luma"] > 20


def test_a_bright_blob_is_found_where_it_is(gate, photos):
    blobbed = photos[0].copy()
    cv2.circle(blobbed, (200, 60), 8, (255, 255, 255), -1)
    told = values(gate, photos, [blobbed, *photos[1:]])
    assert told["droplets"] == 0.25
    excess = gate.droplets.find_excess(photos[0], blobbed)
    y, x = np.unravel_index(int(excess.argmax()), excess.shape)
    assert abs(y - 60) <= 3
    assert abs(x - 200) <= 3


def test_large_pictures_are_judged_at_one_size(gate, photos):
    large = [photo.repeat(2, 0).repeat(2, 1) for photo in photos[:1]]
    blobbed = large[0].copy()
    cv2.circle(blobbed, (400, 120), 16, (255, 255, 255), -1)
    assert values(gate, large, [blobbed])["droplets"] == 1


def test_a_picture_that_became_white_is_bleached(gate, photos):
    told = values(gate, photos, [photo + np.uint8(50) for photo in photos])
    assert (told["bleached"], told["droplets"]) == (1, 0)
    assert told["luma"] == pytest.approx(50)


def test_droplets_of_a_model_are_exit_status_1(gate, photos, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(photos):
        cv2.circle(photo, (200, 60), 30, (250, 250, 250), -1)
        Image.fromarray(photo).save(tmp_path / "photos" / f"{number}.png")
    same, spots = tmp_path / "same.onnx", tmp_path / "spots.onnx"
    contract = Contract("translate", halo=16)
    models.save(same, [onnx.helper.make_node("Identity", ["x"], ["y"])], contract)
    kernel = np.zeros((3, 1, 1, 33), np.float32)  # a copy 16 pixels to the side
    kernel[..., 0] = 1
    shift = onnx.helper.make_node("Conv", ["x", "w"], ["y"], group=3, pads=[0, 16, 0, 16])
    models.save(spots, [shift], contract, w=kernel)
    arguments = [str(tmp_path / "photos"), "--sheets", str(tmp_path / "sheets")]
    assert gate.droplets.main([*arguments, "--model", str(same)]) == 0
    assert gate.droplets.main([*arguments, "--model", str(spots)]) == 1
    assert len(list((tmp_path / "sheets" / "spots").glob("*.png"))) == 4
    assert not list((tmp_path / "sheets" / "same").glob("*.png"))
    assert gate.droplets.main([str(tmp_path / "photos"), "--style", "nobody"]) == 2
    assert 'No style "nobody"' in capsys.readouterr().err
