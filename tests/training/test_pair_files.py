"""What is read back from pairs is the degraded input and the original, for every picture."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training import degrade, layouts, pair_files
from gantool.training.data import read_eight_bit
from gantool.training.pairs import read_pairs


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder; `fill` puts noise of several shapes into it."""
    return tmp_path / "photos"


def fill(folder: Path, *names: str, depth: type = np.uint8, alpha: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        random = np.random.default_rng(seed)
        shape, top = (30 + seed, 20 + 3 * seed), np.iinfo(depth).max
        frame = random.integers(0, top + 1, (*shape, 3), depth)
        carry = Carry(alpha=random.integers(1, top, shape, depth) if alpha else None)
        write_image(folder / name, frame, carry)


def made(photos: Path, output: Path, made_from: str = "edges", **options: bool) -> list[str]:
    """Plans and writes; the problems."""
    outcomes = pair_files.plan(photos, made_from, output, **options).write()
    return [each.problem for each in outcomes if each.problem]


def content(folder: Path) -> dict[str, str]:
    """Files below `folder` and the hashes of what is in them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.parametrize("made_from", list(degrade.FROM))
@pytest.mark.parametrize(("depth", "alpha"), [(np.uint8, False), (np.uint8, True), (np.uint16, 0)])
def test_what_is_read_back_is_input_and_original(photos, tmp_path, made_from, depth, alpha):
    fill(photos, "a.png", "b.png", "c.png", depth=depth, alpha=bool(alpha))
    before = content(photos)
    assert made(photos, tmp_path / "out", made_from) == []
    for path in photos.iterdir():
        one, other = (read_image(tmp_path / "out" / side / path.name)[0] for side in "AB")
        original = read_eight_bit(path)
        assert np.array_equal(other, original)
        assert np.array_equal(one, degrade.FROM[made_from](original))
    assert content(photos) == before


def test_what_was_written_is_a_set_of_pairs_to_train_on(photos, tmp_path):
    fill(photos, "a.png", "b.png", "c.png")
    made(photos, tmp_path / "out", "grey")
    written = read_pairs(layouts.find(tmp_path / "out"), 16)
    direct = read_pairs(layouts.find(photos), 16, made_from="grey")
    assert len(written) == 3
    for one, other in zip(written, direct, strict=True):
        assert np.array_equal(one[1], other[1])


def test_splits_are_mirrored(photos, tmp_path):
    fill(photos / "train", "a.png", "b.png")
    fill(photos / "heldout", "c.png")
    made(photos, tmp_path / "out")
    assert list(content(tmp_path / "out")) == [
        *("heldout/A/c.png", "heldout/B/c.png"),
        *("train/A/a.png", "train/A/b.png", "train/B/a.png", "train/B/b.png"),
    ]
    assert layouts.held_out(tmp_path / "out") == "test"


def test_pictures_of_one_stem_are_kept_apart(photos, tmp_path):
    fill(photos, "a.png", "a.bmp", "A.tif", "b.png")
    assert made(photos, tmp_path / "out") == []
    names = ["A.tif.png", "a.bmp.png", "a.png.png", "b.png.png"]
    assert sorted(path.name for path in (tmp_path / "out" / "B").iterdir()) == names
    assert layouts.find(tmp_path / "out").counts == "A 4, B 4"


def test_stems_that_differ_in_case_alone_are_kept_apart(photos, tmp_path):
    fill(photos, "a.png", "A.tif")
    made(photos, tmp_path / "out")
    names = {path.name.lower() for path in (tmp_path / "out" / "A").iterdir()}
    assert names == {"a.png.png", "a.tif.png"}


def test_a_bad_file_is_named_and_the_rest_is_done(photos, tmp_path):
    fill(photos, "a.png", "b.png", "c.png")
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:-40])
    write_image(photos / "d.png", np.zeros((3, 40, 3), np.uint8), Carry())
    cut, tiny = made(photos, tmp_path / "out", "lowres")
    assert cut.startswith(f"{photos}/b.png: ")
    assert tiny.startswith(f"{photos}/d.png: under 8 pixels")
    assert layouts.find(tmp_path / "out").counts == "A 2, B 2"


def test_a_folder_in_use_is_left_alone_unless_told(photos, tmp_path):
    fill(photos, "a.png", "b.png")
    fill(tmp_path / "out" / "B", "a.png", "mine.png")
    before = content(tmp_path / "out")
    with pytest.raises(UsageError, match="--overwrite"):
        made(photos, tmp_path / "out")
    assert content(tmp_path / "out") == before
    made(photos, tmp_path / "out", overwrite=True)
    after = content(tmp_path / "out")
    assert after["B/mine.png"] == before["B/mine.png"]
    assert {"A/a.png", "A/b.png", "B/b.png"} <= after.keys()


def test_an_empty_folder_is_filled(photos, tmp_path):
    fill(photos, "a.png", "b.png")
    (tmp_path / "out").mkdir()
    assert made(photos, tmp_path / "out") == []


@pytest.mark.parametrize("output", ["photos", "photos/pairs", "photos/../photos/x"])
def test_originals_and_pairs_do_not_mix(photos, tmp_path, output):
    fill(photos, "a.png", "b.png")
    with pytest.raises(UsageError, match="choose a place outside"):
        made(photos, tmp_path / output, overwrite=True)


def test_originals_are_never_written_over(tmp_path):
    fill(tmp_path / "B", "a.png", "b.png")
    before = content(tmp_path)
    with pytest.raises(UsageError, match=r"B/a\.png: is one of the originals"):
        made(tmp_path / "B", tmp_path, overwrite=True)
    assert content(tmp_path) == before


def test_a_file_in_the_place_of_the_output_is_named(photos, tmp_path):
    fill(photos, "a.png", "b.png")
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="out: is a file"):
        made(photos, tmp_path / "out", overwrite=True)


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["A", "B"], "has its pairs already"),
        (["cats", "dogs"], "give one of its folders"),
        (["cats", "dogs", "cows"], "give one of its folders"),
    ],
)
def test_only_single_pictures_are_made_into_pairs(photos, tmp_path, folders, said):
    for folder in folders:
        fill(photos / folder, "1.png", "2.png")
    with pytest.raises(UsageError, match=said):
        made(photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_degradation_is_refused(photos, tmp_path):
    fill(photos, "a.png", "b.png")
    with pytest.raises(UsageError, match="--from edge: there are edges, grey, lowres"):
        made(photos, tmp_path / "out", "edge")


def test_closing_stops_and_leaves_whole_files(photos, tmp_path):
    fill(photos, *(f"{number}.png" for number in range(60)))
    writing = pair_files.plan(photos, "edges", tmp_path / "out").write()
    next(writing)
    writing.close()
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(left) < 120
    assert all(read_image(path) for path in left)
