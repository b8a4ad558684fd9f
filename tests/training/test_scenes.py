"""Laws of scenes: their shares, and the dark."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gantool.errors import UsageError
from gantool.training import layouts, scenes
from gantool.training.scenes import Scenes, darken, read_scenes


def test_shares_of_rendered_and_dark_pictures(monkeypatch):
    monkeypatch.setattr(scenes, "render", lambda random, size: "rendered")
    monkeypatch.setattr(scenes, "darken", lambda frame, stops: f"dark {stops:.1f}")
    photos = SimpleNamespace(crop=lambda random, size: f"photo {size}")
    source, random = Scenes(photos, rendered=0.2, dark=0.25), np.random.default_rng(0)
    drawn = [source.crop(random, 40) for _ in range(1000)]
    assert drawn.count("rendered") / 1000 == pytest.approx(0.2, abs=0.05)
    dark = [float(each.removeprefix("dark ")) for each in drawn if each.startswith("dark")]
    assert len(dark) / 1000 == pytest.approx(0.2, abs=0.05)
    assert 0.4 < min(dark) < 1
    assert 3.5 < max(dark) < 4.1
    assert set(drawn) - {"rendered"} == {"photo 40", *(each for each in drawn if "dark" in each)}


def test_each_stop_halves_the_light():
    frame = np.full((4, 4, 3), 200, np.uint8)
    frame[0] = 0
    for stops in (1, 2, 3):
        dark = darken(frame, stops)
        assert (dark[0] == 0).all()
        assert (dark[1, 0, 0] / 200) ** 2.2 == pytest.approx(0.5**stops, rel=0.03)


def test_small_photos_are_left_out(tmp_path):
    for name in "ab":
        Image.new("RGB", (50, 60)).save(tmp_path / f"{name}.png")
    layout = layouts.find(tmp_path)
    assert read_scenes(layout, 50, 0.0, 0.0).crop(np.random.default_rng(0), 50).shape == (50, 50, 3)
    with pytest.raises(UsageError, match="51 pixels"):
        read_scenes(layout, 51, 0.0, 0.0)
