"""Laws of steadied films: less flicker, as sharp, no ghosts, cuts found, stopped films go on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import cv2
import numpy as np
import pytest

import gantool
from gantool import Frame, Frames, ItemError, steadied, temporal


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture with things in it at every scale, uint8."""
    random = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    waves = np.fft.fft2(random.standard_normal((3, height, width)))
    waves /= np.hypot(rows, columns).clip(1 / width) ** 1.2
    values = np.fft.ifft2(waves).real.transpose(1, 2, 0)
    return (128 + 45 * values / values.std()).clip(0, 255).astype(np.uint8)


def pan(
    count: int, seed: int = 0, step: int = 3, size: tuple[int, int] = (120, 160)
) -> list[Frame]:
    height, width = size
    whole = scene(height, width + step * count, seed)
    return [whole[:, step * k : step * k + width].copy() for k in range(count)]


def deep(frame: Frame) -> Frame:
    return frame.astype(np.uint16) * 257


class Wandering:
    """A process whose colours and grain are others in each frame, by what the frame is."""

    def __call__(self, frame: Frame) -> Frame:
        random = np.random.default_rng(int(frame[::7, ::7].sum(dtype=np.int64)) % 2**32)
        top = np.iinfo(frame.dtype).max
        offset = random.normal(0, 0.04, 3) + random.normal(0, 0.01, frame.shape)
        return (
            ((1 - frame / top * 0.7 - 0.15 + offset).clip(0, 1) * top).round().astype(frame.dtype)
        )


def inverted(frame: Frame) -> Frame:
    return np.iinfo(frame.dtype).max - frame


def plain(frames: list[Frame], process: Callable[[Frame], Frame]) -> list[Frame]:
    return [process(frame) for frame in frames]


def flicker(frames: list[Frame], step: int = 3) -> float:
    """Of a pan by `step` pixels a frame, whose motion is known; in parts of the depth."""
    top = np.iinfo(frames[0].dtype).max
    pairs = zip(frames, frames[1:], strict=False)
    width = frames[0].shape[1] - step
    return float(np.mean([np.abs(a[:, step:] / top - b[:, :width] / top).mean() for a, b in pairs]))


def sharpness(frames: list[Frame]) -> float:
    greys = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(float) for each in frames)
    return float(np.mean([np.hypot(*np.gradient(each)).mean() for each in greys]))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_flicker_falls_and_sharpness_stays(depth):
    frames = [each if depth == np.uint8 else deep(each) for each in pan(12)]
    before = plain(frames, Wandering())
    after = list(steadied(Frames(frames), Wandering()))
    assert {(each.shape, each.dtype) for each in after} == {(frames[0].shape, np.dtype(depth))}
    assert flicker(after[3:]) < 0.5 * flicker(before[3:])
    assert sharpness(after) == pytest.approx(sharpness(before), rel=0.05)


def test_both_depths_give_one_film():
    frames = pan(6)
    shallow = list(steadied(Frames(frames), inverted))
    precise = list(steadied(Frames(map(deep, frames)), inverted))
    for one, other in zip(shallow, precise, strict=True):
        assert np.abs(one - other / 257).max() < 2


def test_what_does_not_flicker_stays_as_it_is():
    """A still is its plain result to the level, and a process that does nothing does nothing."""
    still = [scene(120, 160)] * 5
    for result in steadied(Frames(still), inverted):
        np.testing.assert_array_equal(result, inverted(still[0]))
    frames = pan(5)
    for frame, result in zip(frames, steadied(Frames(frames), np.copy), strict=True):
        np.testing.assert_array_equal(result, frame)


def test_grain_does_not_grow_into_patterns():
    """What is sharpened comes back with the next frame: that must die out."""
    random, still = np.random.default_rng(0), [cv2.GaussianBlur(scene(120, 160), (0, 0), 5)] * 60

    def grainy(frame: Frame) -> Frame:
        return (255 - frame + random.normal(0, 10, frame.shape)).clip(0, 255).astype(np.uint8)

    *_, last = steadied(Frames(still), grainy)
    off = last.astype(float).mean(2) - (255 - still[0].astype(float)).mean(2)
    assert off.std() < 10 / 3**0.5 * 1.1
    assert np.abs(off).max() < 6 * off.std()


def test_no_strength_is_the_plain_film():
    frames = pan(4)
    results = steadied(Frames(frames), Wandering(), strength=0)
    for frame, result in zip(frames, results, strict=True):
        np.testing.assert_array_equal(result, Wandering()(frame))


def test_nothing_of_a_scene_is_seen_after_its_cut():
    frames = pan(4, seed=1) + pan(4, seed=2)
    results = list(steadied(Frames(frames), Wandering()))
    for first in (0, 4):
        np.testing.assert_array_equal(results[first], Wandering()(frames[first]))
    alone = list(steadied(Frames(frames[4:]), Wandering()))
    for one, other in zip(results[4:], alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_a_moving_thing_uncovers_has_no_ghost_of_it():
    """It is painted red; where it was a frame ago is what the process makes of the ground."""
    ground, frames = scene(120, 200), []
    for left in range(20, 140, 12):
        frames.append(ground.copy())
        frames[-1][40:80, left : left + 30] = (255, 255, 0)

    def process(frame: Frame) -> Frame:
        thing = (frame == (255, 255, 0)).all(axis=2)
        return np.where(thing[..., None], (255, 0, 0), frame // 2).astype(np.uint8)

    for frame, result in zip(frames, steadied(Frames(frames), process), strict=True):
        off = np.abs(result.astype(int) - process(frame)).max(axis=2)
        assert np.quantile(off, 0.98) <= 6
        assert off[44:76].mean() < 3


def cuts(frames: list[Frame]) -> list[int]:
    """Where a scene begins, by what is forgotten."""
    found, memory = [], {}
    source = iter(frames)
    stream = steadied(Frames(source, memory), inverted)
    for index, _ in enumerate(stream):
        if temporal.SCENE + "own" not in memory:
            found.append(index)
        memory[temporal.SCENE + "own"] = np.zeros(1)
    return found


def test_a_cut_is_found_before_the_frame_is_processed_and_other_memories_stay():
    memory, seen = {"kept": np.ones(1)}, []

    def process(frame: Frame) -> Frame:
        seen.append(temporal.SCENE + "own" in memory)
        memory[temporal.SCENE + "own"] = np.zeros(1)
        return frame

    list(steadied(Frames(pan(3, seed=1) + pan(3, seed=2), memory), process))
    assert seen == [False, True, True, False, True, True]
    assert "kept" in memory


def bright(frame: Frame) -> Frame:
    return (frame * 0.5 + 110).astype(np.uint8)


def grainy(frame: Frame, seed: int) -> Frame:
    noise = np.random.default_rng(seed).normal(0, 20, frame.shape)
    return (frame + noise).clip(0, 255).astype(np.uint8)


def black(frame: Frame) -> Frame:
    return np.zeros_like(frame)


FILMS = {
    "two scenes": (pan(3, seed=1) + pan(3, seed=2), [0, 3]),
    "from black": ([*map(black, pan(3)), *pan(3)], [0, 3]),
    "to black": ([*pan(3), *map(black, pan(3))], [0, 3]),
    "flash": ([bright(f) if k == 2 else f for k, f in enumerate(pan(5))], [0]),
    "fast pan": (pan(3, step=80, size=(270, 480)), [0]),
    "grain": ([grainy(f, k) for k, f in enumerate(pan(5))], [0]),
    "fade": ([(f * (1 - k / 8)).astype(np.uint8) for k, f in enumerate(pan(8))], [0]),
    "other size": ([*pan(2), *pan(2, size=(240, 320))], [0, 2]),
}


@pytest.mark.parametrize("film", FILMS)
def test_scenes_begin_at_cuts_and_nowhere_else(film):
    frames, expected = FILMS[film]
    assert cuts(frames) == expected


STOPPED = """
import sys
import numpy as np
import test_temporal as t
from gantool import Frames, steadied
with np.load(sys.argv[1]) as kept:
    memory = dict(kept)
rest = list(steadied(Frames(t.FILM[5:], memory), t.Wandering()))
np.savez(sys.argv[2], *rest)
"""
FILM = pan(4, seed=1) + pan(6, seed=2)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_film_goes_on_from_its_memory_bit_for_bit(depth, tmp_path):
    frames = FILM if depth == np.uint8 else [*map(deep, FILM)]
    straight = list(steadied(Frames(frames), Wandering()))
    for stop in range(1, len(frames)):
        first: dict[str, np.ndarray] = {}
        begun = list(islice(steadied(Frames(frames, first), Wandering()), stop))
        np.savez(tmp_path / "memory.npz", **first)
        with np.load(tmp_path / "memory.npz") as kept:
            memory = dict(kept)
        results = begun + list(steadied(Frames(frames[stop:], memory), Wandering()))
        for one, other in zip(straight, results, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_film_goes_on_in_another_process(tmp_path):
    straight = list(steadied(Frames(FILM), Wandering()))
    memory: dict[str, np.ndarray] = {}
    list(islice(steadied(Frames(FILM, memory), Wandering()), 5))
    kept, made = tmp_path / "memory.npz", tmp_path / "made.npz"
    np.savez(kept, **memory)
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{STOPPED}"
    subprocess.run([sys.executable, "-c", program, str(kept), str(made)], check=True)
    with np.load(made) as rest:
        for one, name in zip(straight[5:], rest.files, strict=True):
            np.testing.assert_array_equal(one, rest[name])


def test_memories_are_replaced_and_never_written_into():
    memory: dict[str, np.ndarray] = {}
    stream = steadied(Frames(pan(4), memory), Wandering())
    next(stream)
    for _ in stream:
        for values in memory.values():
            values.flags.writeable = False
    assert all(isinstance(values, np.ndarray) for values in memory.values())


def test_each_result_comes_before_the_next_frame_is_taken():
    taken = 0

    def source() -> Iterator[Frame]:
        nonlocal taken
        for frame in pan(4):
            taken += 1
            yield frame

    for index, _ in enumerate(steadied(Frames(source()), inverted), 1):
        assert taken == index


@pytest.mark.parametrize(
    "wrong", [lambda frame: frame[::2, ::2], deep], ids=["another size", "another depth"]
)
def test_results_of_another_size_are_an_item_error(wrong):
    with pytest.raises(ItemError, match="keep their size and depth"):
        next(steadied(Frames(pan(1)), wrong))


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (40, 1), (15, 15), (17, 900)])
def test_frames_of_any_size(size):
    frames = [scene(*size, seed) for seed in range(3)]
    results = list(gantool.steadied(Frames(frames), inverted))
    assert [each.shape for each in results] == [(*size, 3)] * 3


def test_frames_of_any_layout_in_memory():
    frames = pan(4)
    odd = [np.asfortranarray(each[::-1])[::-1] for each in frames]
    for one, other in zip(
        steadied(Frames(frames), inverted), steadied(Frames(odd), inverted), strict=True
    ):
        np.testing.assert_array_equal(one, other)
