"""Laws of training data: pure functions of (seed, step, item), borders as in a whole picture."""

import functools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.errors import ItemError, UsageError
from gantool.training import degrade
from gantool.training.batches import collate
from gantool.training.data import Kept, Photos, ReducedPairs, to_tensor
from gantool.training.layouts import Layout


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


def plain(folder: Path) -> Layout:
    """All pictures below a folder, as one kind."""
    return Layout("plain", folder, {"pictures": sorted(folder.rglob("*.png"))})


def pairs(folder: Path, **changed: int) -> ReducedPairs:
    photos = Photos(plain(folder), sizes=(1.0, 0.75), smallest=40)
    return ReducedPairs(photos, **{"scale": 2, "crop": 12, "size": 3} | changed)


def orientations(piece: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(way, turn) for way in (piece, piece[:, ::-1]) for turn in range(4)]


def test_a_sample_is_a_function_of_seed_step_and_item(folder):
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2**40, 7)]
    first = pairs(folder)
    wanted = [first.sample(*place) for place in places]
    second = pairs(folder)  # asked in another order, with other questions in between
    second.sample(9, 9, 9)
    again = [second.sample(*place) for place in reversed(places)][::-1]
    for one, other in zip(wanted, again, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in ("low", "high"))
    assert len({one["high"].numpy().tobytes() for one in wanted}) == len(places)


def test_samples_do_not_depend_on_how_many_a_step_has(folder):
    one, other = (pairs(folder, size=size).sample(0, 0, 3)["low"] for size in (4, 8))
    assert torch.equal(one, other)


@pytest.mark.parametrize("scale", [2, 3])
def test_shapes_and_range(folder, scale):
    photos = Photos(plain(folder), sizes=(1.0,), smallest=48)
    batch = collate(ReducedPairs(photos, scale=scale, crop=8, size=5), 0, 0, range(5))
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
    sample = ReducedPairs(photos, scale=scale, crop=12, size=1).sample(0, 0, 0)
    row, column = 5 + margin, 9 + margin
    wanted = degrade.reduce(whole, scale)[row : row + 12, column : column + 12].astype(int)
    low = (sample["low"].permute(1, 2, 0).numpy() * 255).round()
    assert np.abs(low - wanted).max() <= 1


def test_without_the_margin_borders_would_differ():
    """The law's own test."""
    whole = noise(160, 160)
    wanted = degrade.reduce(whole, 4)[10:20, 10:20].astype(int)
    assert np.abs(degrade.reduce(whole[40:80, 40:80], 4) - wanted).max() > 5


def test_high_lies_over_low(folder):
    """Reducing `high` gives `low`, but for the border, which needs what lies beyond it."""
    for item in range(2):
        low, high = pairs(folder).sample(0, 0, item).values()
        reduced = degrade.reduce((high * 255).byte().permute(1, 2, 0).numpy(), 2)
        difference = np.abs(reduced - (low * 255).round().permute(1, 2, 0).numpy())
        assert difference[3:-3, 3:-3].max() <= 1


def test_low_is_made_as_it_is_said_from_the_crop_with_its_margin(folder):
    """What is drawn on the way is a function of (seed, step, item) too."""
    seen = []

    def lower(wide, random):
        seen.append((wide.shape, random.integers(2**40)))
        return degrade.reduce(255 - wide, 2)

    photos = Photos(plain(folder), sizes=(1.0, 0.75), smallest=40)
    data = ReducedPairs(photos, 2, 12, 3, lower=lower)
    for _ in range(2):
        low, high = data.sample(3, 4, 5).values()
        other_low, other_high = pairs(folder).sample(3, 4, 5).values()
        assert torch.equal(high, other_high)
        assert (low - (1 - other_low)).abs().max() <= 1.01 / 255
    assert seen[0] == seen[1]
    assert seen[0][0] == (40, 40, 3)


def test_crops_are_pieces_of_the_pictures_in_all_orientations(tmp_path):
    for number, (height, width) in enumerate([(40, 55), (60, 40)]):
        rows, columns = np.mgrid[:height, :width]
        told = np.dstack([rows, columns, np.full_like(rows, number)]).astype(np.uint8)
        Image.fromarray(told).save(tmp_path / f"{number}.png")
    photos, found = Photos(plain(tmp_path), sizes=(1.0,), smallest=40), set()
    for seed in range(80):
        crop = photos.crop(np.random.default_rng(seed), 30)
        top, left, number = crop.min(axis=(0, 1))
        piece = photos.copies[number][0][top : top + 30, left : left + 30]
        (turn,) = [n for n, way in enumerate(orientations(crop)) if np.array_equal(way, piece)]
        found.add((int(number), turn))
    assert found == {(number, turn) for number in range(2) for turn in range(8)}


def test_small_copies_are_left_out(folder):
    photos = Photos(plain(folder), sizes=(1.0, 0.75, 0.5), smallest=40)
    assert [[copy.shape[:2] for copy in each] for each in photos.copies] == [
        [(60, 80), (45, 60)],
        [(70, 50)],
    ]


def test_16_bit_pictures_are_taken_by_their_high_byte(tmp_path):
    import cv2

    frame = np.arange(40 * 40 * 3, dtype=np.uint16).reshape(40, 40, 3) * 13
    (tmp_path / "deep.png").write_bytes(cv2.imencode(".png", frame[..., ::-1])[1].tobytes())
    (copies,) = Photos(plain(tmp_path), sizes=(1.0,), smallest=40).copies
    assert np.abs(copies[0] - frame / 257).max() <= 0.5


def test_no_pictures(tmp_path):
    with pytest.raises(UsageError, match=f"{tmp_path}: 0 pictures, none with both sides"):
        Photos(plain(tmp_path), sizes=(1.0,), smallest=8)


def test_too_small_pictures_are_said_with_the_size_that_is_needed(folder):
    with pytest.raises(UsageError, match="3 pictures, none .* at least 96 pixels: add larger"):
        Photos(plain(folder), sizes=(1.0, 0.5), smallest=96)


def test_a_picture_that_cannot_be_read_is_named(folder, tmp_path):
    whole = (folder / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"cut\.png"):
        Photos(plain(tmp_path), sizes=(1.0,), smallest=8)


def test_a_tensor_holds_the_pixels():
    frame = noise(4, 5)
    tensor = to_tensor(frame)
    assert tuple(tensor.shape) == (3, 4, 5)
    assert np.array_equal((tensor.permute(1, 2, 0) * 255).round().numpy(), frame)


def kept(count: int, *, room: int) -> tuple[Kept[bytes], list[int]]:
    """What readers of 10 bytes each give, and which of them have been called, in order."""
    called: list[int] = []

    def read(number: int) -> bytes:
        called.append(number)
        return bytes([number]) * 10

    readers = [functools.partial(read, number) for number in range(count)]
    return Kept(readers, len, room=room), called


def test_what_there_is_room_for_is_read_once_and_the_rest_when_asked_for():
    some, called = kept(200, room=1000)
    assert sorted(called) == list(range(128))  # the first chunk of 64 leaves room for one more
    called.clear()
    for _ in range(2):
        assert [some[number][0] for number in range(200)] == list(range(200))
    assert called == [*range(128, 200)] * 2
    assert len(some) == 200


def test_without_room_nothing_is_read_before_it_is_asked_for():
    some, called = kept(5, room=0)
    assert (len(some), called) == (5, [])
    assert some[3] == bytes([3]) * 10


def test_pictures_beyond_the_room_give_the_same_samples(folder, monkeypatch):
    wanted = [pairs(folder).sample(0, 0, item)["high"] for item in range(6)]
    monkeypatch.setattr(Kept.__init__, "__kwdefaults__", {"room": 0})
    lazy = pairs(folder)
    assert lazy.photos.copies.kept == []
    assert all(map(torch.equal, wanted, (lazy.sample(0, 0, item)["high"] for item in range(6))))
