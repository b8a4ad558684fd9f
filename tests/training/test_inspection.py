"""Every remark fires on a folder made for it, and on no good one."""

from pathlib import Path

import numpy as np
import pytest

from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training.inspection import Inspection, Remark

GOOD = {"a.png": (64, 64), "b.png": (80, 96)}


def put(folder: Path, pictures: dict[str, tuple[int, int]], depth: type = np.uint8) -> None:
    """Black pictures of width × height."""
    for name, (width, height) in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, np.zeros((height, width, 3), depth), Carry())


def inspected(folder: Path) -> Inspection:
    found = Inspection(folder)
    assert [each.path for each in found.look()] == found.files
    return found


def remarks(folder: Path) -> list[Remark]:
    return list(inspected(folder).remarks())


def the_remark(folder: Path) -> Remark:
    (remark,) = remarks(folder)
    return remark


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        (["a.png", "b.png"], "pictures of one kind"),
        (["train/a.png", "train/b.png", "val/c.png"], "pictures of one kind"),
        (["A/a.png", "B/a.png"], "pairs in two folders, by equal names"),
        (["trainA/a.png", "trainB/b.png", "testA/a.png", "testB/b.png"], "two kinds"),
        (["cats/a.png", "dogs/b.png"], "two kinds of pictures, not paired"),
        (["cats/a.png", "cows/b.png", "dogs/c.png"], "pictures in a folder per class"),
    ],
)
def test_good_folders_are_named_and_left_without_remark(tmp_path, names, meaning):
    put(tmp_path, dict.fromkeys(names, (70, 80)))
    found = inspected(tmp_path)
    assert found.meaning.startswith(meaning)
    assert sorted(found.files) == sorted(tmp_path / name for name in names)
    assert list(found.remarks()) == []


def test_pairs_side_by_side_are_good(tmp_path):
    put(tmp_path, {"a.png": (160, 80), "b.png": (128, 64)})
    found = inspected(tmp_path)
    assert found.meaning == "pairs side by side, input left, target right"
    assert list(found.remarks()) == []


def test_sizes_range_from_the_smallest_to_the_largest(tmp_path):
    put(tmp_path, {"a.png": (90, 70), "b.png": (64, 80), "c.png": (100, 100)})
    found = inspected(tmp_path)
    assert found.extent(found.files) == "64×80 to 100×100"
    assert found.extent(found.files[:1]) == "90×70"


def test_a_file_that_is_cut_short_is_named(tmp_path):
    put(tmp_path, GOOD)
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:-20])
    remark = the_remark(tmp_path)
    assert remark.path == tmp_path / "b.png"
    assert "get a whole copy" in remark.text
    assert str(tmp_path) not in remark.text
    assert not remark.refuses


def test_every_half_without_the_other_refuses(tmp_path):
    put(tmp_path, dict.fromkeys(("A/1.png", "A/2.png", "B/2.png", "B/3.png"), (64, 64)))
    lonely = remarks(tmp_path)
    assert [remark.path.name for remark in lonely] == ["1.png", "3.png"]
    assert ["B/" in remark.text for remark in lonely] == [True, False]
    assert all(remark.refuses for remark in lonely)


def test_every_pair_of_two_sizes_refuses(tmp_path):
    put(tmp_path, {"A/1.png": (64, 64), "B/1.png": (64, 65), "A/2.png": (70, 64)})
    put(tmp_path, {"B/2.png": (64, 70), "A/3.png": (64, 64), "B/3.png": (64, 64)})
    uneven = remarks(tmp_path)
    assert [remark.path for remark in uneven] == [tmp_path / "A/1.png", tmp_path / "A/2.png"]
    assert uneven[1].text.startswith(f"70×64, but {tmp_path}/B/2.png 64×70")
    assert all(remark.refuses for remark in uneven)


def test_transparency_that_shows_is_told(tmp_path):
    put(tmp_path, GOOD)
    frame, alpha = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 255, np.uint8)
    write_image(tmp_path / "c.png", frame, Carry(alpha=alpha))
    assert remarks(tmp_path) == []
    alpha[3, 3] = 254
    write_image(tmp_path / "c.png", frame, Carry(alpha=alpha))
    remark = the_remark(tmp_path)
    assert (remark.path.name, "transparency is dropped" in remark.text) == ("c.png", True)


def test_sixteen_bits_are_told(tmp_path):
    put(tmp_path, GOOD)
    put(tmp_path, {"c.png": (64, 64), "d.png": (64, 64)}, np.uint16)
    remark = the_remark(tmp_path)
    assert (remark.path.name, remark.others) == ("c.png", 1)
    assert "rounded to 8" in remark.text


@pytest.mark.parametrize("size", [(63, 100), (100, 63)])
def test_small_pictures_are_told(tmp_path, size):
    put(tmp_path, GOOD | {"c.png": size})
    assert "under 64 pixels" in the_remark(tmp_path).text


@pytest.mark.parametrize("folders", [[""], ["A", "B"]])
def test_very_mixed_sizes_of_pairs_are_told(tmp_path, folders):
    for folder in folders:
        put(tmp_path / folder, {"a.png": (520, 260), "b.png": (128, 64)})
    remark = the_remark(tmp_path)
    assert remark.path.name == "b.png"
    assert "128×64 to 520×260" in remark.text


def test_a_picture_that_is_no_pair_like_the_others_is_told(tmp_path):
    names = [f"{number:02}.png" for number in range(11)]
    put(tmp_path, dict.fromkeys(names, (128, 64)) | {"09.png": (128, 80)})
    remark = the_remark(tmp_path)
    assert remark.path.name == "09.png"
    assert "cut in the middle" in remark.text
    put(tmp_path, {"00.png": (128, 80)})  # now one that is sampled: no more taken for pairs
    remark = the_remark(tmp_path)
    assert (remark.path.name, remark.others) == ("00.png", 1)
    assert "if those are pairs" in remark.text


def test_folders_that_look_like_pairs_are_to_be_renamed(tmp_path):
    put(tmp_path, dict.fromkeys(("input/1.png", "target/1.png"), (64, 64)))
    remark = the_remark(tmp_path)
    assert remark.text.endswith(
        f"mv {tmp_path}/input {tmp_path}/A && mv {tmp_path}/target {tmp_path}/B"
    )
    assert not remark.refuses


def test_a_split_that_is_laid_out_otherwise_refuses(tmp_path):
    put(tmp_path, dict.fromkeys(("train/A/1.png", "train/B/1.png", "val/1.png"), (64, 64)))
    remark = the_remark(tmp_path)
    assert remark.path == tmp_path / "val"
    assert remark.refuses


def test_pictures_beside_the_layout_are_told(tmp_path):
    put(
        tmp_path, dict.fromkeys(("A/1.png", "B/1.png", "2.png", "C/x/3.png", "C/x/4.png"), (64, 64))
    )
    beside = remarks(tmp_path)
    assert [(remark.path.name, remark.others) for remark in beside] == [("2.png", 0), ("3.png", 1)]
    assert "no part of this layout" in beside[0].text


def test_pictures_of_kinds_that_are_not_read_are_told(tmp_path):
    put(tmp_path, GOOD)
    for name in ("c.CR2", "d.jxl", "notes.txt"):
        (tmp_path / name).touch()
    remark = the_remark(tmp_path)
    assert (remark.path.name, remark.others) == ("c.CR2", 1)


def test_one_picture_is_refused(tmp_path):
    put(tmp_path, {"a.png": (64, 64)})
    with pytest.raises(UsageError, match="one picture only"):
        Inspection(tmp_path)


def test_closing_stops(tmp_path):
    put(tmp_path, {f"{number}.png": (300, 300) for number in range(50)})
    found = Inspection(tmp_path)
    looking = found.look()
    next(looking)
    looking.close()
    assert len(found.seen) == 1


def test_real_folders_have_nothing_to_mend(data):
    for name in ("maps", "pets/cats"):
        found = inspected(data / name)
        assert list(found.remarks()) == []
    assert found.extent(found.files) == "174×175 to 400×389"


def test_all_odd_pictures_that_cannot_be_read_are_named(data):
    found = inspected(data / "odd_images" / "made")
    assert {"truncated_half.jpg", "empty.jpg"} <= {each.path.name for each in found.unreadable}
    named = {remark.path for remark in found.remarks()}
    for each in found.seen.values():
        if each.problem:
            assert each.path in named
        else:
            assert each.size == read_image(each.path)[0].shape[1::-1]
