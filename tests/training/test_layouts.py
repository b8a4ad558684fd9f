"""Folders are recognised by what lies in them; a wrong one is told what to rename."""

import numpy as np
import pytest

from gantool.errors import ItemError, UsageError
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
    for item in range(6):
        sample = data.sample(1, 2, item)
        assert sample["input"].shape == (3, 8, 8)
        assert np.allclose(sample["input"], -sample["target"], atol=1e-6)
    assert np.array_equal(data.sample(1, 2, 0)["input"], data.sample(1, 2, 0)["input"])
    drawn = [data.sample(1, step, item)["input"] for step in range(2) for item in range(2)]
    assert len({sample.numpy().tobytes() for sample in drawn}) > 1


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


@pytest.mark.parametrize("made_from", ["edges", "grey"])
def test_pairs_that_are_there_are_not_made_again(put, tmp_path, made_from):
    put("1.png", "2.png", width=16)
    with pytest.raises(UsageError, match=f"--from {made_from} is for single pictures"):
        pairs.read_pairs(layouts.find(tmp_path), 8, made_from=made_from)


def test_an_unknown_way_to_make_pairs_is_refused(put, tmp_path):
    put("1.png", "2.png")
    with pytest.raises(UsageError, match="--from edge: there are edges, grey, lowres"):
        pairs.read_pairs(layouts.find(tmp_path), 8, made_from="edge")


def test_folders_that_look_like_pairs_say_what_to_rename(put, tmp_path):
    put("input/1.png", "target/1.png")
    with pytest.raises(UsageError, match="mv .*/input .*/A && mv .*/target .*/B"):
        pairs.read_pairs(layouts.find(tmp_path), 8)


def test_sampled_pairs_of_two_sizes_are_refused_before_anything_is_decoded(put, tmp_path):
    put("A/1.png", width=8)
    put("B/1.png", width=9)
    with pytest.raises(UsageError, match="B/1.png: a pair of 8×8 and 9×8"):
        layouts.find(tmp_path)


def test_a_sampled_file_that_is_no_picture_is_named(put, tmp_path):
    put("1.png", "2.png")
    (tmp_path / "3.png").write_text("no picture")
    with pytest.raises(ItemError, match=r"3\.png: not a picture"):
        layouts.find(tmp_path)
    assert len(layouts.look(tmp_path).parts["pictures"]) == 3


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["TrainA/1.png", "TrainB/1.png"], "mv .*/TrainA .*/trainA$"),
        (["train_A/1.png", "train_B/1.png"], "mv .*/train_A .*/trainA$"),
        (["TRAIN/1.png", "TRAIN/2.png"], "mv .*/TRAIN .*/train$"),
        (["1.png", "2.png", "held-out/3.png"], "mv .*/held-out .*/heldout$"),
        (["trainA/1.png", "trainB/1.png", "validA/1.png"], "mv .*/validA .*/valA$"),
        (["testA/1.png", "testB/1.png"], "only testA/, testB/: add trainA/ and trainB/"),
        (["test/1.png", "test/2.png"], "only test/: add train/"),
        (["A/1.png"], r"A: no pictures in B/ beside it"),
        (["A/1.png", "trainB/1.png"], "trainB/ without trainA/"),
        (["x/y/1.png", "x/y/2.png"], "give a folder that has some: .*/x/y$"),
    ],
)
def test_a_layout_that_is_nearly_right_says_what_to_mend(put, tmp_path, names, said):
    put(*names)
    with pytest.raises(UsageError, match=said):
        layouts.find(tmp_path)


def test_an_empty_side_is_named(put, tmp_path):
    put("trainA/1.png")
    (tmp_path / "trainB").mkdir()
    with pytest.raises(UsageError, match="trainB: no picture in there"):
        layouts.find(tmp_path)


@pytest.mark.parametrize(
    ("names", "split"),
    [
        ([], "train"),
        (["val/v.png"], "val"),
        (["valid/v.png", "test/t.png"], "val"),
        (["test/t.png"], "test"),
        (["heldout/t.png"], "test"),
        (["val/notes.txt", "test/t.png"], "test"),
        (["val/A/1.png", "val/B/1.png"], "val"),
    ],
)
def test_what_to_look_at_while_training(put, tmp_path, names, split):
    put("train/1.png", "train/2.png")
    put(*(name for name in names if name.endswith(".png")))
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert layouts.held_out(tmp_path) == split


@pytest.mark.parametrize("split", ["val", "test"])
def test_two_kinds_are_held_out_by_the_names_of_their_folders(put, tmp_path, split):
    put("trainA/1.png", "trainB/2.png", f"{split}A/3.png", f"{split}B/4.png")
    assert layouts.held_out(tmp_path) == split
    assert [path.name for path in layouts.find(tmp_path, split).parts["B"]] == ["4.png"]
    assert list(layouts.splits(tmp_path)) == ["train", split]


def test_one_picture_is_enough_to_look_at(put, tmp_path):
    put("1.png", "2.png", "test/3.png")
    assert len(layouts.find(tmp_path, "test").parts["pictures"]) == 1


def test_pictures_held_out_are_not_trained_on(put, tmp_path):
    put("A/1.png", "B/1.png", "test/A/2.png", "test/B/2.png", "val/3.png")
    assert layouts.find(tmp_path).counts == "A 1, B 1"


def test_a_folder_is_described_without_decoding_its_pictures(put, tmp_path, monkeypatch):
    put("train/1.png", "train/2.png", "heldout/3.png", width=16)
    monkeypatch.setattr("gantool.training.picture_files.read_image", None)
    said = layouts.describe(tmp_path)
    assert said == (
        f"{tmp_path}: pairs side by side, input left, target right "
        "(train: pairs 2; test: pairs 1), the first 16×8"
    )


def test_real_pairs_are_described(data):
    assert layouts.describe(data / "maps").endswith(
        "(train: pairs 100; test: pairs 20), the first 512×256"
    )
