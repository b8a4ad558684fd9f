"""Films through face-age: faces are followed, nothing jumps, and a stopped film goes on exactly."""

import functools
import io

import cv2
import numpy as np
import pytest
import skimage.data

from gantool import Frames
from gantool.pipeline import noting
from gantool.temporal import Motion
from gantool_face_age.ageing import Ageing, Goal
from gantool_face_age.crops import Face, of_crop
from gantool_face_age.finding import find
from gantool_face_age.tracking import EVERY, FADE, PATIENCE, TRACKS, carried, film

FACE = of_crop(100 + 60j, 90 + 0j)
OLDER = [Goal(60)]


@functools.cache
def scene(number: int) -> np.ndarray:
    pictures = (skimage.data.astronaut, skimage.data.chelsea)
    return np.ascontiguousarray(pictures[number]()[:256, 60:400])


def moved(frame: np.ndarray, step: complex) -> np.ndarray:
    way = np.float32([[1, 0, step.real], [0, 1, step.imag]])
    return cv2.warpAffine(frame, way, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


def brighter(crop, age):
    """A predict: 0.2 of the range, where there is room for it."""
    return np.minimum(crop.astype(int) + 13_107, 65535).astype(np.uint16)


def forty(crop):
    return np.full_like(crop, round(0.4 * 65535))


def finds(*each):
    """What is found in one search after the other; the last for all that come after."""
    rest = list(each)
    return lambda frame: list(rest.pop(0) if len(rest) > 1 else rest[0])


def made(frames, finder, *, predict=brighter, years=forty, memory=None, **options):
    ageing = Ageing(OLDER, finder, **options)
    return list(film(Frames(frames, memory), predict, years, ageing=ageing))


def strength(result: np.ndarray, frame: np.ndarray, face: Face = FACE) -> float:
    """Of the change in the middle of a face, 1 for all of it."""
    x, y = round(face.centre.real), round(face.centre.imag)
    around = slice(y - 3, y + 4), slice(x - 3, x + 4)
    return float(np.median(result[around].astype(float) - frame[around]) / 51)


def dark(frames):
    """With room above."""
    return [frame // 2 for frame in frames]


def kept(memory):
    """As it comes back from a file."""
    file = io.BytesIO()
    np.savez(file, **memory)
    file.seek(0)
    with np.load(file) as arrays:
        return dict(arrays)


def test_a_stopped_film_goes_on_bit_for_bit():
    frames = [moved(scene(0), 2j * number) for number in range(EVERY + 3)]
    straight = made(frames, find)
    assert not np.array_equal(straight[-1], frames[-1])
    for stop in (1, EVERY):
        memory: dict[str, np.ndarray] = {}
        first = made(frames[:stop], find, memory=memory)
        rest = made(frames[stop:], find, memory=kept(memory))
        assert all(map(np.array_equal, straight, first + rest))


def test_memory_is_there_before_the_result_is():
    """A film may be stopped after any frame: nothing waits for the next."""
    frames = Frames(dark([scene(0)] * 2))
    results = film(frames, brighter, forty, ageing=Ageing(OLDER, finds([FACE])))
    next(results)
    assert len(frames.memory[TRACKS]) == 1


def test_a_film_begins_as_a_picture_and_keeps_its_bits_outside():
    frames = dark([scene(0)] * 3)
    results = made(frames, finds([FACE]))
    picture = Ageing(OLDER, finds([FACE])).paint(frames[0], brighter, forty)
    assert np.array_equal(results[0], picture)
    outside = np.ones(frames[0].shape[:2], bool)
    outside[60:150, 100:190] = False
    assert all(
        np.array_equal(result[outside], frame[outside])
        for result, frame in zip(results, frames, strict=True)
    )


def test_a_film_without_faces_stays_as_it_is():
    frames = [scene(1)] * 3
    assert all(map(np.array_equal, made(frames, finds([])), frames))


def test_a_face_goes_with_the_film_where_it_is_not_found():
    """A search misses it; it moves by four pixels a frame all the same."""
    frames = dark([moved(scene(0), 4 * number) for number in range(EVERY * PATIENCE)])
    results = made(frames, finds([FACE], []))
    for number, (result, frame) in enumerate(zip(results, frames, strict=True)):
        now = of_crop(FACE.corner + 4 * number, FACE.side)
        assert strength(result, frame, now) == pytest.approx(1, abs=0.05)
    weight = np.abs(results[-1].astype(float) - frames[-1]).sum((0, 2))
    middle = (weight * (np.arange(len(weight)) + 0.5)).sum() / weight.sum()
    assert abs(middle - (FACE.centre.real + 4 * (len(frames) - 1))) < 4


def test_a_face_that_is_gone_fades_out():
    frames = dark([scene(0)] * (EVERY * PATIENCE + FADE + 2))
    results = made(frames, finds([FACE], []))
    strengths = [strength(*pair) for pair in zip(results, frames, strict=True)]
    assert strengths[0] == pytest.approx(1, abs=0.05)
    assert strengths[-1] == 0
    assert np.abs(np.diff(strengths)).max() < 1.5 / FADE


def test_a_face_that_comes_later_fades_in():
    frames = dark([scene(0)] * (EVERY + FADE + 1))
    results = made(frames, finds([], [FACE]))
    strengths = [strength(*pair) for pair in zip(results, frames, strict=True)]
    assert strengths[: EVERY - 1] == [0] * (EVERY - 1)
    assert strengths[-1] == pytest.approx(1, abs=0.05)
    assert np.abs(np.diff(strengths)).max() < 1.5 / FADE


def test_after_a_cut_nothing_is_left_of_before():
    frames = dark([scene(0)] * 3 + [scene(1)] * 3)
    other = of_crop(200 + 150j, 80 + 0j)
    results = made(frames, finds([FACE], [other]))
    assert strength(results[2], frames[2]) == pytest.approx(1, abs=0.05)
    assert strength(results[3], frames[3]) == 0
    assert strength(results[3], frames[3], other) == pytest.approx(1, abs=0.05)


def test_trembling_of_what_is_found_is_held():
    random = np.random.default_rng(0)
    shaken = [
        [of_crop(FACE.corner + complex(*random.normal(0, 2, 2)), FACE.side)] for _ in range(12)
    ]
    memory: dict[str, np.ndarray] = {}
    places = []
    ageing = Ageing(OLDER, finds(*shaken))
    frames = Frames(dark([scene(0)] * (EVERY * 12)), memory)
    for _ in film(frames, brighter, forty, ageing=ageing):
        places.append(memory[TRACKS][0, 0])
    steps = np.abs(np.diff(places))
    assert steps.max() < 0.6 * np.abs(np.diff([each[0].left for each in shaken])).max()
    assert np.abs(np.array(places) - FACE.left).max() < 5


def test_a_restless_model_is_steadied_where_the_film_stands_still():
    random = np.random.default_rng(0)

    def restless(crop, age):
        return (crop + random.integers(0, 13_000)).clip(0, 65535).astype(np.uint16)

    frames = dark([scene(0)] * 24)
    results = made(frames, finds([FACE]), predict=restless)
    steady = np.diff([strength(*pair) for pair in zip(results, frames, strict=True)])[8:]
    alone = [Ageing(OLDER, finds([FACE])).paint(frame, restless, forty) for frame in frames]
    single = np.diff([strength(*pair) for pair in zip(alone, frames, strict=True)])[8:]
    assert np.abs(steady).mean() < 0.3 * np.abs(single).mean()


def test_an_age_is_the_mean_of_its_readings():
    """It does not go by one frame: a face that once reads as a minor's is no minor's."""
    ages = iter([0.4] * 8 + [0.1] + [0.4] * 8)
    frames = dark([scene(0)] * (EVERY * 10))
    results = made(
        frames, finds([FACE]), years=lambda crop: np.full_like(crop, round(next(ages) * 65535))
    )
    strengths = [strength(*pair) for pair in zip(results, frames, strict=True)]
    assert min(strengths) > 0.9


def test_minors_are_left_alone_in_films_too():
    frames = [scene(0)] * 3
    with noting() as said:
        results = made(frames, finds([FACE]), years=lambda crop: np.full_like(crop, 9000))
    assert "left alone" in said[0]
    assert all(map(np.array_equal, results, frames))


def test_the_largest_face_stays_the_one_while_another_is_about_as_large():
    other, larger = (of_crop(220 + 120j, side + 0j) for side in (100, 140))
    frames = dark([scene(0)] * (EVERY * 3 + FADE))
    results = made(frames, finds([FACE], [FACE, other], [FACE, larger]), largest=True)
    assert strength(results[2 * EVERY - 1], frames[0], other) == 0
    assert strength(results[-1], frames[0], larger) == pytest.approx(1, abs=0.05)
    assert strength(results[-1], frames[0]) == 0


def test_each_age_is_a_film_of_its_own():
    ageing = Ageing([Goal(30), Goal(60)], finds([FACE]))

    def by_age(crop, age):
        return (crop + float(age[0, 0]) * 200).clip(0, 65535).astype(np.uint16)

    frames = dark([scene(0)] * 3)
    for result in film(Frames(frames), by_age, forty, ageing=ageing):
        assert list(result) == ["30", "60"]
        young, old = (strength(each, frames[0]) for each in result.values())
        assert young == pytest.approx(old / 2, abs=0.05)


@pytest.mark.parametrize("turn", [1, 1.03, np.exp(0.05j)])
def test_a_face_goes_where_the_flow_takes_it(turn):
    """Flow of a known similarity, on a copy of half the size."""
    places = np.arange(200) + 1j * np.arange(150)[:, None] + (0.5 + 0.5j)
    before = (places - (80 + 60j) - (3 - 2j)) / turn + (80 + 60j)
    flow = np.stack([(before - places).real, (before - places).imag], 2).astype(np.float32)
    face = carried(FACE, Motion(flow, np.ones((150, 200), np.float32)), 2.0)
    for eye, now in ((FACE.left, face.left), (FACE.right, face.right)):
        wanted = 2 * (turn * (eye / 2 - (80 + 60j)) + (80 + 60j) + (3 - 2j))
        assert abs(now - wanted) < 0.3
