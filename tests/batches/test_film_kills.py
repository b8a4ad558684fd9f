"""A film whose making is killed again and again becomes what it would have become."""

import random
import signal
import time
from collections import Counter

import pytest

import clips
import trees

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SOON = 10


def segments(out) -> int:
    """That are finished."""
    return sum(not path.name.startswith(".") for path in out.glob(".gantool-*.film/*"))


@pytest.mark.slow
def test_fifty_kills_of_a_film_of_three_hundred_frames(nursery, model, tmp_path, scale):
    kills, drawn = max(15, round(50 * scale)), random.Random(0)
    source = clips.film(
        tmp_path / "in.mp4", clips.frames(300, 128, 96), sound=[clips.Sound(seconds=12)]
    )
    given, out = source.read_bytes(), tmp_path / "out"
    straight = tmp_path / "straight.mp4"
    began = time.monotonic()
    assert nursery.run("run", model, source, "-o", straight, "--device", "cpu").wait() == 0
    length = time.monotonic() - began
    target, ways, wholes, resumed = out / "in.mp4", Counter(), 0, 0
    words = ("run", model, source, "-o", target, "--device", "cpu")
    while ways.total() < kills:
        before = segments(out)
        number = drawn.choice([signal.SIGKILL, *STOPS])
        run = nursery.start(*words)
        if number in STOPS:
            assert run.listens()
        time.sleep(drawn.uniform(0, 0.7 * length))
        run.kill(number)
        code = run.wait(SOON)
        ways[f"{number.name} {code}"] += 1
        assert "Traceback" not in run.err
        if target.exists():
            assert target.read_bytes() == straight.read_bytes()
            wholes += 1
            target.unlink()
            continue
        assert code in (-number, STOPS.get(number))
        assert segments(out) >= before
        resumed += segments(out) > before
        assert source.read_bytes() == given
    assert nursery.run(*words).wait() == 0
    assert target.read_bytes() == straight.read_bytes()
    assert not trees.asides(out)
    print(f"{kills} kills, {wholes} whole films, {resumed} times further, {dict(ways)}")
    assert wholes
    assert resumed
