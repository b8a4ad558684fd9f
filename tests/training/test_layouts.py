"""Folders are recognised by what lies in them; a wrong one is told what to rename."""

import numpy as np
import pytest

from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training import layouts, pairs


@pytest.fixture
def put(tmp_path):
    """Writes grey pictures of a level, of height 8."""

    def write(*names: str, width: int = 8, level: int = 0) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.full((8, width, 3), level, np.uint8), Carry())

    return write


def test_pictures_twice_as_wide_are_pairs(put, tmp_path):
    put("a.png", "b.png", width=16)
    assert layouts.find(tmp_path).kind == "side-by-side"


def test_splits_are_looked_into(put, tmp_path):
    put("train/a.png", "train/b.png", "val/c.png", "val/d.png", width=16)
    assert layouts.find(tmp_path).root == tmp_path / "train"
    assert layouts.find(tmp_path, "val").root == tmp_path / "val"


def test_equal_names_are_pairs_in_order(put, tmp_path):
    put("A/1.png", "A/2.png", "B/2.png", "B/1.png")
    found = layouts.find(tmp_path)
    assert found.kind == "pairs"
    assert [path.stem for path in found.parts["A"]] == [path.stem for path in found.parts["B"]]


def test_a_lonely_half_is_named(put, tmp_path):
    put("A/1.png", "A/2.png", "B/1.png")
    with pytest.raises(UsageError, match=r"A/2\.png: no picture of that name in B/"):
        layouts.find(tmp_path)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["trainA/1.png", "trainB/2.png"], "unpaired"),
        (["synthetic/1.png", "real/2.png"], "unpaired"),
        (["young/1.png", "middle/2.png", "old/3.png"], "classes"),
        (["1.png", "2.png"], "plain"),
        (["inner/1.png", "inner/2.png"], "plain"),
        (["1.png", "2.png", ".hidden/3.png"], "plain"),
    ],
)
def test_what_lies_there_decides(put, tmp_path, names, kind):
    put(*names)
    assert layouts.find(tmp_path).kind == kind


def test_one_side_alone_is_named(put, tmp_path):
    put("trainA/1.png")
    with pytest.raises(UsageError, match="trainA/ without trainB/"):
        layouts.find(tmp_path)


def test_nothing_and_one_are_refused(put, tmp_path):
    with pytest.raises(UsageError, match="no picture in there"):
        layouts.find(tmp_path)
    put("1.png")
    with pytest.raises(UsageError, match=r"one picture only \(1\.png\)"):
        layouts.find(tmp_path)


def test_halves_are_input_and_target(tmp_path):
    both = np.hstack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, both, Carry())
    read = pairs.read_pairs(layouts.find(tmp_path), 8)
    assert [(one.max(), other.min()) for one, other in read] == [(0, 255)] * 2


def test_pairs_stay_aligned_whatever_is_cut_out():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    data = pairs.Pairs([(picture, 255 - picture)], crop=8, size=6)
    batch = data.batch(seed=1, step=2)
    assert batch["input"].shape == (6, 3, 8, 8)
    assert np.allclose(batch["input"], -batch["target"], atol=1e-6)
    assert np.array_equal(data.batch(1, 2)["input"], batch["input"])
    assert not np.array_equal(data.batch(1, 3)["input"], batch["input"])


@pytest.mark.parametrize("made_from", ["edges", "grey", "lowres"])
def test_pairs_are_made_of_a_plain_folder(put, tmp_path, made_from):
    put("1.png", "2.png", level=90)
    made = pairs.read_pairs(layouts.find(tmp_path), 8, made_from=made_from)
    assert len(made) == 2
    assert all(one.shape == other.shape and other.max() == 90 for one, other in made)


def test_a_folder_without_pairs_says_how_to_make_them(put, tmp_path):
    put("1.png", "2.png")
    with pytest.raises(UsageError, match="not pairs.*--from edges"):
        pairs.read_pairs(layouts.find(tmp_path), 8)


def test_a_pair_of_two_sizes_is_named(put, tmp_path):
    put("A/1.png", width=8)
    put("B/1.png", width=9)
    with pytest.raises(UsageError, match="8×8 and 9×8"):
        pairs.read_pairs(layouts.find(tmp_path), 8)
