"""Two kinds are read whole and drawn independently; every other layout is told what to do."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool.errors import ItemError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.unpaired import Unpaired, read_kinds


def fill(folder: Path, *shapes: tuple[int, int], first: int = 0) -> None:
    """Pictures of one level each: `first`, `first + 1` …"""
    folder.mkdir(parents=True, exist_ok=True)
    for number, shape in enumerate(shapes):
        frame = np.full((*shape, 3), first + number, np.uint8)
        write_image(folder / f"{first + number:03}.png", frame, Carry())


def levels(tensor: torch.Tensor) -> list[int]:
    return sorted({round(float(value)) for value in ((tensor + 1) * 127.5).unique()})


def ramp(height: int, width: int) -> np.ndarray:
    """No two pixels of it alike."""
    y, x = np.mgrid[:height, :width].astype(np.uint8)
    return np.dstack([y, x, y])


@pytest.fixture
def kinds(tmp_path) -> Path:
    fill(tmp_path / "trainA", (40, 60), (50, 30), first=10)
    fill(tmp_path / "trainB", (40, 40), (30, 70), (90, 90), first=100)
    fill(tmp_path / "testA", (40, 40), first=50)
    fill(tmp_path / "testB", (40, 40), first=150)
    return tmp_path


def test_every_picture_of_a_split_is_read_at_the_side_wanted(kinds):
    a, b = read_kinds(kinds, "train", 20)
    assert [frame.shape for frame in a] == [(20, 30, 3), (33, 20, 3)]
    assert [frame.shape for frame in b] == [(20, 20, 3), (20, 47, 3), (20, 20, 3)]
    assert [int(frame[0, 0, 0]) for frame in (*a, *b)] == [10, 11, 100, 101, 102]
    held_out = read_kinds(kinds, "test", 20)
    assert [int(frames[0][0, 0, 0]) for frames in held_out] == [50, 150]


def test_two_folders_of_any_name_are_two_kinds(tmp_path):
    fill(tmp_path / "paintings", (20, 20), (20, 20), first=200)
    fill(tmp_path / "photos", (20, 20), first=10)
    a, b = read_kinds(tmp_path, "train", 20)
    assert (int(a[0][0, 0, 0]), int(b[0][0, 0, 0])) == (200, 10)


def test_samples_are_of_their_kind_and_drawn_independently(kinds):
    data = Unpaired(*read_kinds(kinds, "train", 20), crop=16, size=1)
    samples = [data.sample(0, step, 0) for step in range(60)]
    met = {tuple(levels(sample[kind])[0] for kind in "ab") for sample in samples}
    assert met == set(itertools.product((10, 11), (100, 101, 102)))
    assert {sample["a"].shape for sample in samples} == {(3, 16, 16)}


def test_a_sample_is_a_function_of_seed_step_and_item():
    frames = [
        np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8) for seed in (0, 1)
    ]
    data = Unpaired([frames[0]], [frames[1]], crop=16, size=2)
    places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    one, again = ([data.sample(*place)["a"] for place in order] for order in (places, places[::-1]))
    assert all(torch.equal(a, b) for a, b in zip(one, again[::-1], strict=True))
    assert len({sample.numpy().tobytes() for sample in one}) == 4


def test_pieces_lie_anywhere_and_are_mirrored_half_of_the_time():
    frame = ramp(10, 12)
    data = Unpaired([frame], [frame], crop=8, size=1)
    found = [data.sample(0, step, 0)["a"] for step in range(300)]
    pieces = [((piece + 1) * 127.5).round().int() for piece in found]
    assert {int(piece[0, 0, 0]) for piece in pieces} == {0, 1, 2}
    assert {int(piece[1, 0].min()) for piece in pieces} == {0, 1, 2, 3, 4}
    mirrored = [bool(piece[1, 0, 0] > piece[1, 0, 1]) for piece in pieces]
    assert 100 < sum(mirrored) < 200
    for piece, turned in zip(pieces, mirrored, strict=True):
        upright = piece.flip(2) if turned else piece
        top, left = int(upright[0, 0, 0]), int(upright[1, 0, 0])
        wanted = frame[top : top + 8, left : left + 8].transpose(2, 0, 1)
        assert np.array_equal(upright.numpy(), wanted)


def test_values_lie_between_minus_one_and_one():
    black, white = (np.full((8, 8, 3), level, np.uint8) for level in (0, 255))
    sample = Unpaired([black], [white], crop=8, size=1).sample(0, 0, 0)
    assert levels(sample["a"]) == [0]
    assert (sample["a"].min(), sample["b"].max()) == (-1, 1)


@pytest.mark.parametrize(
    ("folders", "shape", "told"),
    [
        (("",), (20, 20), "one kind.*: put the pictures of one kind into trainA/"),
        (("",), (20, 40), "side by side.*train pix2pix on pairs; for two kinds, put"),
        (
            ("A", "B"),
            (20, 20),
            "train pix2pix on pairs; if .* none: mv .*/A .*/trainA && mv",
        ),
        (("x", "y", "z"), (20, 20), "choose two of x, y, z: put the pictures of one kind"),
    ],
)
def test_other_layouts_are_told_what_to_do(tmp_path, folders, shape, told):
    for name in folders:
        fill(tmp_path / name, shape, shape)
    with pytest.raises(UsageError, match=told):
        read_kinds(tmp_path, "train", 16)


def test_a_damaged_picture_is_named(kinds):
    damaged = kinds / "trainB" / "101.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    with pytest.raises(ItemError, match=r"101\.png"):
        read_kinds(kinds, "train", 16)
