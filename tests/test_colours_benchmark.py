"""The measures of benchmarks/colours.py, and that it prints its rows."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from gantool.training import degrade

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "colours.py"


@pytest.fixture(scope="module")
def colours():
    spec = importlib.util.spec_from_file_location("colours", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_grey_is_not_colourful_and_twice_the_chroma_is_twice_as_colourful(colours):
    frame = np.full((40, 40, 3), 128, np.uint8)
    assert colours.colourfulness(frame) == 0
    near, far = frame.copy(), frame.copy()
    near[:20, :, 0] += 20
    far[:20, :, 0] += 40
    assert colours.colourfulness(far) == pytest.approx(2 * colours.colourfulness(near))


def test_the_area_is_whole_where_nothing_is_wrong_and_falls_evenly(colours):
    assert colours.area(np.zeros(100)) == 100
    assert colours.area(np.full(100, 75.0)) == pytest.approx(50)
    assert colours.area(np.full(100, 400.0)) == 0


def test_a_difference_of_luma_alone_is_no_distance(colours):
    photo = skimage.data.chelsea()
    assert colours.distances(photo, photo).max() == 0
    grey = degrade.grey(photo)
    assert colours.distances(grey, grey // 2).max() < 0.2
    assert colours.distances(grey, photo).mean() > 5


def test_a_hue_is_as_wrong_as_it_is_turned_and_grey_as_chance(colours):
    red, green, grey = (
        np.full((8, 8, 3), colour, np.uint8) for colour in ((220, 60, 50), (60, 150, 60), (99,) * 3)
    )
    assert colours.hue_error(red, red) == 0
    assert colours.hue_error(red // 2 + 60, red) < 10
    assert colours.hue_error(green, red) > 90
    assert colours.hue_error(green, red) == pytest.approx(colours.hue_error(red, green), abs=1e-3)
    assert colours.hue_error(grey, red) == 90
    assert np.isnan(colours.hue_error(red, grey))


@pytest.mark.slow
def test_rows_for_every_intensity_and_number_of_samples(colours, tmp_path, capsys):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("chelsea", "rocket"):
        photo = np.ascontiguousarray(getattr(skimage.data, name)())
        Image.fromarray(degrade.to_side(photo, 80)).save(folder / f"{name}.png")
    file = tmp_path / "colours.json"
    colours.main([str(folder), "--json", str(file)])
    rows = json.loads(file.read_text())
    assert len(capsys.readouterr().out.splitlines()) == len(rows)
    best = [row["psnr_rgb"] for row in rows if row["by"].startswith("best")]
    assert best == sorted(best)
    assert rows[0]["by"] == "grey"
    assert rows[0]["colourful"] == 0
    assert sum("default" in row["by"] for row in rows) == 1
