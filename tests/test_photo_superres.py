"""The benchmark of real photographs: its measures at pictures whose right answer is known."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import feature_networks
import models

FILE = Path(__file__).parent.parent / "benchmarks" / "photo_superres.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("photo_superres", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Two of 448×225: waves above, one colour below."""
    folder = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:225, :448]
    for number in range(2):
        waves = np.where(y < 112, np.sin(x / (3 + number)) * np.sin(y / 5) * 100, 0) + 128
        frame = np.dstack([waves, waves / 2, np.full_like(waves, 60 + 40 * number)])
        Image.fromarray(frame.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_texture_is_what_is_left_of_flat_patches_without_their_blur(benchmark):
    """White noise less its Gaussian of σ 2 keeps 1 − 2k(0)² + Σk² of its variance, k² of 2-D."""
    original = np.full((32, 96, 3), 128, np.uint8)
    original[:, :32] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    noise = np.random.default_rng(1).normal(0, 6, (32, 96, 1)).round()
    result = (128 + noise * np.repeat([0, 0, 1], 32)[:, None]).astype(np.uint8).repeat(3, 2)
    quiet, noisy = benchmark.texture(result, original)
    kernel = np.exp(-(np.arange(-8, 9) ** 2) / 8)
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
    kept = 1 - 2 * kernel[8, 8] + (kernel**2).sum()
    assert quiet < 0.1 * noisy
    assert noisy == pytest.approx(kept * (6 * 219 / 255) ** 2, rel=0.1)


def test_a_sheet_shows_the_liveliest_square(benchmark):
    frame = np.full((300, 700, 3), 128, np.uint8)
    frame[20:240, 400:620:2] = 255
    shown = benchmark.sheet([255 - frame, frame])
    assert shown.shape == (224, 448, 3)
    assert np.array_equal(shown[:, :224], 255 - shown[:, 224:])
    assert (shown[:, 224:] == 255).mean() > 0.45


def test_squares_cover_all_that_fits(benchmark):
    frame = np.arange(70 * 100).reshape(70, 100)
    found = list(benchmark.squares(frame, 32))
    assert len(found) == 6
    assert np.array_equal(found[4], frame[32:64, 32:64])


def test_rows_and_sheets_are_written(benchmark, pictures, tmp_path, capsys):
    features = feature_networks.mean_colour(tmp_path / "f.onnx", (224, 224))
    model = models.bilinear(tmp_path / "x4.onnx", scale=4)
    sheets, table = tmp_path / "sheets", tmp_path / "table.json"
    arguments = [pictures, "--features", features, "--model", model]
    benchmark.main([*map(str, arguments), "--sheets", str(sheets), "--json", str(table)])
    rows = json.loads(table.read_text())
    assert [(row["input"], row["by"]) for row in rows] == [
        (kind, by)
        for kind in ("found", "clean")
        for by in ("bicubic", "superres", str(model), "original")
    ]
    by = {(row["input"], row["by"]): row for row in rows}
    assert by["clean", "original"]["colour"] == 0
    assert by["clean", "bicubic"]["psnr_y_crop4"] > by["found", "bicubic"]["psnr_y_crop4"]
    assert by["clean", "bicubic"]["flat"] < 1 < by["clean", "bicubic"]["psnr_y_crop4"]
    assert len(list(sheets.glob("*.png"))) == 4
    assert np.asarray(Image.open(sheets / "found-00.png")).shape[2] == 3
    assert "2 pictures, 4 crops" in capsys.readouterr().out
