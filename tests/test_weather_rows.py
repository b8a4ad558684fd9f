"""The rows of derain in the benchmark: sets, ways and figures at models whose answer is known."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FILE = Path(__file__).parent.parent / "benchmarks" / "weather.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("weather_rows", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """`pairs/`, the input 10 brighter, and `photos/`, one of 64×64."""
    root = tmp_path_factory.mktemp("sets")
    frame = np.random.default_rng(0).integers(20, 200, (64, 64, 3)).astype(np.uint8)
    places = {"pairs/input/a.png": frame + 10, "pairs/target/a.png": frame, "photos/b.png": frame}
    for name, picture in places.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(root / name)
    return root


def test_rows_of_pairs_are_the_figures_of_each_way(benchmark, folders):
    clear = {"derain/rain": lambda frame: frame - 9, "derain/snow": lambda frame: frame}
    given, cleared = benchmark.rows(clear, folders / "pairs", None)
    assert (given["set"], given["by"], cleared["by"]) == ("pairs", "input", "derain/rain")
    assert given["psnr_rgb"] == pytest.approx(20 * math.log10(255 / 10), abs=1e-3)
    assert cleared["psnr_rgb"] == pytest.approx(20 * math.log10(255), abs=1e-3)
    assert given["psnr_y"] == pytest.approx(20 * math.log10(255 / 10 * 255 / 219), abs=1e-3)
    assert 0.9 < given["ssim_rgb"] < cleared["ssim_rgb"] <= 1


def test_each_model_meets_its_weather_and_clean_pictures(benchmark, folders, monkeypatch):
    monkeypatch.setattr(benchmark, "SIDE", 64)
    models = {"derain/rain": lambda frame: frame // 2, "derain/snow": lambda frame: frame - 1}
    rows = list(benchmark.rows(models, None, folders / "photos"))
    weathers = [name for falls in benchmark.FALLS.values() for name in falls]
    assert [row["set"] for row in rows[::2]][:-1] == [f"photos, {name}" for name in weathers]
    assert {row["by"] for row in rows if "snow" in row["set"]} == {"input", "derain/snow"}
    assert [row["by"] for row in rows[-2:]] == list(benchmark.MODELS)
    assert {row["set"] for row in rows[-2:]} == {"photos, clean"}
    known = {row["by"]: row["auto"] for row in rows if "auto" in row}
    assert known == {"derain/rain": 1, "derain/snow": 0}  # half the light is more than a level
    assert all(row["psnr_rgb"] < 49 for row in rows)  # what has no weather in it is infinite
