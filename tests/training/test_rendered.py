"""Laws of pictures that no camera took."""

import numpy as np
import pytest

from gantool.training.rendered import CONTRAST, _ink, _paper, line_art, render, screen, text

KINDS = (text, line_art, screen)


@pytest.mark.parametrize("draw", [*KINDS, render])
def test_one_draw_gives_one_picture_of_the_size_asked_for(draw):
    one, other = (draw(np.random.default_rng(5), 160) for _ in range(2))
    assert (one.shape, one.dtype) == ((160, 160, 3), np.uint8)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, draw(np.random.default_rng(6), 160))


@pytest.mark.parametrize("draw", KINDS)
def test_pictures_have_flat_parts_and_hard_edges(draw):
    flat, steep = [], []
    for number in range(12):
        levels = draw(np.random.default_rng(number), 160).astype(int).sum(axis=2)
        step = np.abs(np.diff(levels, axis=1))
        flat.append((step == 0).mean())
        steep.append(step.max())
    assert np.median(flat) > 0.6
    assert np.median(steep) > 200


def test_all_three_kinds_are_rendered(monkeypatch):
    seen = set()
    for draw in KINDS:
        name = draw.__name__
        monkeypatch.setattr(
            f"gantool.training.rendered.{name}", lambda random, side, name=name: seen.add(name)
        )
    random = np.random.default_rng(0)
    for _ in range(60):
        render(random, 64)
    assert seen == {draw.__name__ for draw in KINDS}


def test_ink_can_be_seen():
    random = np.random.default_rng(0)
    for _ in range(300):
        paper = _paper(random)
        assert abs(sum(_ink(random, paper)) - sum(paper)) >= 3 * CONTRAST
