"""Laws of training data: pure functions of (seed, step), borders as in a whole picture."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.errors import ItemError, UsageError
from gantool.training import degrade
from gantool.training.data import Photos, ReducedPairs, to_tensor


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three pictures, one in a folder below, one too small to be used."""
    root = tmp_path_factory.mktemp("photos")
    (root / "below").mkdir()
    Image.fromarray(noise(60, 80, 1)).save(root / "a.png")
    Image.fromarray(noise(70, 50, 2)).save(root / "below" / "b.png")
    Image.fromarray(noise(20, 90, 3)).save(root / "small.png")
    (root / "notes.txt").write_text("not a picture")
    return root


def pairs(folder: Path, **changed: int) -> ReducedPairs:
    photos = Photos(folder, sizes=(1.0, 0.75), smallest=40)
    return ReducedPairs(photos, **{"scale": 2, "crop": 12, "size": 3} | changed)


def orientations(piece: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(way, turn) for way in (piece, piece[:, ::-1]) for turn in range(4)]


def test_a_batch_is_a_function_of_seed_and_step(folder):
    first = pairs(folder)
    wanted = [first.batch(seed, step) for seed, step in [(0, 0), (0, 1), (1, 0)]]
    second = pairs(folder)  # asked in another order, with other questions in between
    second.batch(9, 9)
    again = [second.batch(seed, step) for seed, step in [(1, 0), (0, 1), (0, 0)]][::-1]
    for one, other in zip(wanted, again, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in ("low", "high"))
    assert not torch.equal(wanted[0]["high"], wanted[1]["high"])
    assert not torch.equal(wanted[0]["high"], wanted[2]["high"])


def test_pairs_within_a_batch_differ(folder):
    high = pairs(folder, size=4).batch(0, 0)["high"]
    assert len({one.numpy().tobytes() for one in high}) == 4


@pytest.mark.parametrize("scale", [2, 3])
def test_shapes_and_range(folder, scale):
    photos = Photos(folder, sizes=(1.0,), smallest=48)
    batch = ReducedPairs(photos, scale=scale, crop=8, size=5).batch(0, 0)
    assert tuple(batch["low"].shape) == (5, 3, 8, 8)
    assert tuple(batch["high"].shape) == (5, 3, 8 * scale, 8 * scale)
    assert {tensor.dtype for tensor in batch.values()} == {torch.float32}
    assert all(0 <= tensor.min() < 0.3 and 0.7 < tensor.max() <= 1 for tensor in batch.values())


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", ["noise", "bars"])
def test_low_is_a_piece_of_the_whole_reduced_picture(scale, kind):
    whole = noise(40 * scale, 44 * scale)
    if kind == "bars":  # hard edges right where crops end
        whole[:] = np.where(np.arange(len(whole)) // (5 * scale) % 2, 255, 0)[:, None, None]
    side, top, left, margin = (12 + 8) * scale, 5 * scale, 9 * scale, 4
    piece = whole[top : top + side, left : left + side]
    photos = SimpleNamespace(crop=lambda random, size: piece[:size, :size])
    batch = ReducedPairs(photos, scale=scale, crop=12, size=1).batch(0, 0)
    row, column = 5 + margin, 9 + margin
    wanted = degrade.reduce(whole, scale)[row : row + 12, column : column + 12].astype(int)
    low = (batch["low"][0].permute(1, 2, 0).numpy() * 255).round()
    assert np.abs(low - wanted).max() <= 1


def test_without_the_margin_borders_would_differ():
    """The law's own test."""
    whole = noise(160, 160)
    wanted = degrade.reduce(whole, 4)[10:20, 10:20].astype(int)
    assert np.abs(degrade.reduce(whole[40:80, 40:80], 4) - wanted).max() > 5


def test_high_lies_over_low(folder):
    """Reducing `high` gives `low`, but for the border, which needs what lies beyond it."""
    batch = pairs(folder, crop=12, size=2).batch(0, 0)
    for low, high in zip(batch["low"], batch["high"], strict=True):
        reduced = degrade.reduce((high * 255).byte().permute(1, 2, 0).numpy(), 2)
        difference = np.abs(reduced - (low * 255).round().permute(1, 2, 0).numpy())
        assert difference[3:-3, 3:-3].max() <= 1


def test_crops_are_pieces_of_the_pictures_in_all_orientations(tmp_path):
    for number, (height, width) in enumerate([(40, 55), (60, 40)]):
        rows, columns = np.mgrid[:height, :width]
        told = np.dstack([rows, columns, np.full_like(rows, number)]).astype(np.uint8)
        Image.fromarray(told).save(tmp_path / f"{number}.png")
    photos, found = Photos(tmp_path, sizes=(1.0,), smallest=40), set()
    for seed in range(80):
        crop = photos.crop(np.random.default_rng(seed), 30)
        top, left, number = crop.min(axis=(0, 1))
        piece = photos.copies[number][0][top : top + 30, left : left + 30]
        (turn,) = [n for n, way in enumerate(orientations(crop)) if np.array_equal(way, piece)]
        found.add((int(number), turn))
    assert found == {(number, turn) for number in range(2) for turn in range(8)}


def test_small_copies_are_left_out(folder):
    photos = Photos(folder, sizes=(1.0, 0.75, 0.5), smallest=40)
    assert [[copy.shape[:2] for copy in each] for each in photos.copies] == [
        [(60, 80), (45, 60)],
        [(70, 50)],
    ]


def test_16_bit_pictures_are_taken_by_their_high_byte(tmp_path):
    import cv2

    frame = np.arange(40 * 40 * 3, dtype=np.uint16).reshape(40, 40, 3) * 13
    (tmp_path / "deep.png").write_bytes(cv2.imencode(".png", frame[..., ::-1])[1].tobytes())
    (copies,) = Photos(tmp_path, sizes=(1.0,), smallest=40).copies
    assert np.abs(copies[0] - frame / 257).max() <= 0.5


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="missing: no such folder"):
        Photos(tmp_path / "missing", sizes=(1.0,), smallest=8)


def test_no_pictures(tmp_path):
    with pytest.raises(UsageError, match=f"{tmp_path}: 0 pictures, none with both sides"):
        Photos(tmp_path, sizes=(1.0,), smallest=8)


def test_too_small_pictures_are_said_with_the_size_that_is_needed(folder):
    with pytest.raises(UsageError, match="3 pictures, none .* at least 96 pixels: add larger"):
        Photos(folder, sizes=(1.0, 0.5), smallest=96)


def test_a_picture_that_cannot_be_read_is_named(folder, tmp_path):
    whole = (folder / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"cut\.png"):
        Photos(tmp_path, sizes=(1.0,), smallest=8)


def test_tensors_hold_the_pixels():
    frames = (noise(4, 4, 1), noise(4, 4, 2))
    tensor = to_tensor(frames)
    assert tuple(tensor.shape) == (2, 3, 4, 4)
    assert np.array_equal((tensor[1].permute(1, 2, 0) * 255).round().numpy(), frames[1])
