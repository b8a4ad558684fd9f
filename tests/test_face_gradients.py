"""The age estimator without a network, which judges face-age in benchmarks/faces.py."""

import sys
from pathlib import Path

import numpy as np
import pytest

from gantool_face_age.faces import Wanted, read_faces

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
import face_gradients  # noqa: E402 - found through the path above
import faces as benchmark  # noqa: E402

from gantool.media.carry import Carry  # noqa: E402
from gantool.media.images import write_image  # noqa: E402

AGES = (20, 24, 30, 36, 42, 48, 54, 60, 63, 67)


def face(age: int, seed: int) -> np.ndarray:
    """Grey, with as many wrinkles as years."""
    noise = np.random.default_rng(seed).integers(0, 20, (128, 128, 3))
    waves = age * np.sin(np.arange(128)[:, None, None] / 2)
    return np.clip(128 + waves + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    for age in AGES:
        for number in range(3):
            write_image(folder / f"{age}_0_{number}.png", face(age, 10 * age + number), Carry())
    return folder


@pytest.fixture(scope="module")
def gradients(root):
    return face_gradients.fit_gradients(read_faces(root, "train", Wanted(18, 80, 1, 128, 1)))


def test_years_are_read_off_faces_that_it_has_not_seen(gradients):
    read = gradients([face(age, 7) for age in AGES])
    assert np.abs(read - AGES).mean() < 5


def test_colours_and_brightness_mean_nothing_to_it(gradients):
    given = face(40, 7)
    lighter = (given // 2 + 100).astype(np.uint8)
    one, other = gradients([given, lighter])
    assert one == pytest.approx(other, abs=2)


def test_a_share_is_of_what_real_faces_differ_by(gradients):
    """1 for faces drawn anew at the age that is asked for, 0 for those that are left alone."""
    frames, ages = [face(age, 7) for age in AGES], np.array(AGES, np.float32)
    real = benchmark.span_of_real(gradients(frames), ages)
    assert real == pytest.approx(65 - 22, abs=8)
    drawn = benchmark.other_family(gradients, frames, lambda _, age: face(age, 7), real)
    assert drawn["share"] == pytest.approx(1, abs=0.25)
    left = benchmark.other_family(gradients, frames, lambda frame, _: frame, real)
    assert (left["gradients"], left["share"]) == (0, 0)
