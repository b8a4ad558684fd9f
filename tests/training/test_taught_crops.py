"""Laws of crops that a teacher has enlarged: made once, kept, taken up again, never mixed."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.training import layouts, taught_crops
from gantool.training.found_pairs import draw, with_noise
from gantool.training.taught_crops import Kind, TaughtCrops
from gantool.training.teacher import Teacher, with_low_frequencies_of

KIND = Kind(scale=2, clean=0.5, rendered=0.2, dark=0.2)


class Lessons:
    """A teacher that enlarges pixels to blocks, and counts how many pictures it has seen."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        self.seen += len(frames)
        return frames.repeat(2, 1).repeat(2, 2)


@pytest.fixture
def crops(tmp_path):
    """Crops of two photographs, which their teacher has not seen yet."""
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (60, 70, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    layout, lessons = layouts.find(tmp_path), Lessons()
    teacher = Teacher(2, hashlib.sha256(b"it").hexdigest(), lessons)
    made = TaughtCrops(layout, teacher, KIND, tmp_path / "kept", count=9, crop=8, size=2, side=16)
    return made, lessons


def files(made: TaughtCrops) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(made.place.glob("*.crop"))}


def test_a_file_has_the_input_and_the_targets(crops):
    made, _ = crops
    assert list(made.prepare(0, 1)) == [(8, 9), (9, 9)]
    kept, sizes = files(made), set()
    for number, raw in enumerate(kept.values()):
        _, low, twin = draw(made.scenes, 2, 16, KIND.clean, np.random.default_rng(number))
        taught, noiseless = (
            with_low_frequencies_of(twin, each.repeat(2, 0).repeat(2, 1)) for each in (low, twin)
        )
        target = np.clip(np.rint(taught), 0, 255).astype(np.uint8)
        parts = [low, target] + [with_noise(noiseless, low, twin)] * (twin is not low)
        assert raw == b"".join(part.tobytes() for part in parts)
        sizes.add(len(raw))
    assert sizes == {768 + 3072, 768 + 2 * 3072}


def test_what_is_there_is_not_made_again(crops):
    made, lessons = crops
    going = made.prepare(0, 1)
    next(going)
    going.close()  # as a kill after the first eight
    seen, kept = lessons.seen, files(made)
    damaged = made.place / "000003.crop"
    damaged.write_bytes(kept["000003.crop"][:100])
    list(replace(made).prepare(0, 1))
    assert seen < lessons.seen <= seen + 4
    assert files(made).items() >= kept.items()
    done = lessons.seen
    assert list(replace(made).prepare(0, 1)) == []
    assert lessons.seen == done


def test_processes_share_the_work(crops):
    made, _ = crops
    assert list(made.prepare(0, 2)) == [(9, 9)]
    assert sorted(files(made)) == [f"{n:06d}.crop" for n in range(0, 9, 2)]
    list(made.prepare(1, 2))
    assert len(files(made)) == 9


def test_samples_are_the_same_prepared_or_not(crops):
    made, _ = crops
    one = [made.sample(1, step, 0) for step in range(30)]
    list(made.prepare(0, 1))
    other = [replace(made).sample(1, step, 0) for step in range(30)]
    for mine, theirs in zip(one, other, strict=True):
        assert all(torch.equal(each, theirs[name]) for name, each in mine.items())
    assert tuple(one[0]["low"].shape) == (3, 8, 8)
    assert tuple(one[0]["high"].shape) == (3, 16, 16)
    assert len({each["low"].numpy().tobytes() for each in one}) > 20


def test_targets_turn_with_their_inputs(crops):
    """This teacher repeats pixels, so a target without noise is near its input, repeated."""
    made, _ = crops
    for step in range(40):
        sample = made.sample(0, step, 0)
        if sample["denoise"] == 1:
            blocks = sample["low"].repeat_interleave(2, 1).repeat_interleave(2, 2)
            assert (sample["high"] - blocks).abs().mean() < 0.05


@pytest.mark.parametrize(
    "change",
    [
        {"teacher": Teacher(2, "0" * 64, Lessons())},
        {"kind": replace(KIND, clean=0.4)},
        {"side": 20},
    ],
)
def test_crops_of_another_kind_have_another_folder(crops, change):
    made, _ = crops
    assert replace(made, **change).place != made.place
    assert replace(made, count=3, crop=4, size=5).place == made.place


def test_other_photographs_or_another_version_have_another_folder(crops, monkeypatch):
    made, _ = crops
    before = made.place
    Image.new("RGB", (60, 70)).save(made.layout.root / "2.png")
    assert replace(made, layout=layouts.find(made.layout.root)).place != before
    monkeypatch.setattr(taught_crops.found_photos, "VERSION", -1)
    assert replace(made).place != before


def test_the_folder_is_in_the_cache_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv("GANTOOL_CACHE_DIR", str(tmp_path))
    assert taught_crops.default_folder() == Path(tmp_path, "crops")
