"""Laws of samples: what of a folder is input and what target, and at which size."""

import numpy as np
import pytest

from gantool.errors import ItemError, UsageError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training import degrade
from gantool.training.samples import Choices, collect, split_of


def picture(seed: int, height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def save(tmp_path):
    """Writes a picture at a path below the folder of the test."""

    def write(name: str, frame: np.ndarray) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, frame, Carry())

    return write


def test_halves_of_pictures_side_by_side(save, tmp_path):
    both = picture(0, 20, 40)
    save("a.png", both)
    (sample,) = collect(tmp_path, Choices(), scale=1).each
    given, target = sample.read()
    assert np.array_equal(np.hstack([given, target]), both)
    assert given.shape == target.shape


def test_partners_of_two_folders(save, tmp_path):
    for seed, name in enumerate(("A/1.png", "B/1.png", "A/2.png", "B/2.png")):
        save(name, picture(seed))
    samples = collect(tmp_path, Choices(), scale=1)
    read = [frame for sample in samples.each for frame in sample.read()]
    assert samples.paired
    assert all(np.array_equal(frame, picture(seed)) for seed, frame in enumerate(read))


def test_originals_are_reduced_for_a_model_that_enlarges(save, tmp_path):
    save("a.png", picture(0, 26, 43))
    save("b.png", picture(1, 20, 40))  # twice as wide as high, and no pair
    first, second = collect(tmp_path, Choices(), scale=4).each
    given, target = first.read()
    assert np.array_equal(target, picture(0, 26, 43)[:24, :40])
    assert np.array_equal(given, degrade.reduce(target, 4))
    assert second.read()[1].shape == (20, 40, 3)


@pytest.mark.parametrize("made_from", degrade.FROM)
def test_inputs_are_made_of_targets_and_then_brought_to_the_side(save, tmp_path, made_from):
    save("a.png", picture(0))
    (sample,) = collect(tmp_path, Choices(made_from=made_from, side=16), scale=1).each
    made = degrade.FROM[made_from](picture(0))
    for frame, full in zip(sample.read(), (made, picture(0)), strict=True):
        assert np.array_equal(frame, degrade.resize(full, 16, 27))


def test_side_is_the_short_one_of_inputs_and_the_scales_multiple_of_targets(save, tmp_path):
    save("A/a.png", picture(0, 20, 30))
    save("B/a.png", picture(1, 40, 60))
    (sample,) = collect(tmp_path, Choices(side=16), scale=2).each
    assert [frame.shape[:2] for frame in sample.read()] == [(16, 24), (32, 48)]


def test_two_kinds_are_inputs_and_then_targets(save, tmp_path):
    for seed, name in enumerate(("cats/1.png", "cats/2.png", "dogs/1.png")):
        save(name, picture(seed))
    samples = collect(tmp_path, Choices(by_distance=True), scale=1)
    read = [sample.read() for sample in samples.each]
    assert [given is None for given, _ in read] == [target is not None for _, target in read]
    assert [given is None for given, _ in read] == [False, False, True]
    assert (samples.paired, samples.counts, samples.comparison) == (False, (2, 1), "cats → dogs")


def test_limit_is_of_each_kind(save, tmp_path):
    for name in ("A/1.png", "A/2.png", "B/1.png", "B/2.png"):
        save(name, picture(0))
    assert len(collect(tmp_path, Choices(limit=1), scale=1).each) == 1
    for side in "AB":
        (tmp_path / side).rename(tmp_path / f"test{side}")
    assert collect(tmp_path, Choices(limit=1, by_distance=True), scale=1).counts == (1, 1)


@pytest.mark.parametrize(
    ("there", "wanted", "taken"),
    [
        (["train", "val", "heldout"], None, "test"),
        (["train", "val"], None, "val"),
        (["train"], None, "train"),
        (["trainA", "trainB", "testA", "testB"], None, "test"),
        (["A", "B"], None, ""),
        (["train", "val", "test"], "val", "val"),
    ],
)
def test_pictures_held_out_are_taken_first(tmp_path, there, wanted, taken):
    for name in there:
        (tmp_path / name).mkdir()
    assert split_of(tmp_path, wanted) == taken


def test_only_what_is_held_out_is_measured(save, tmp_path):
    for seed, name in enumerate(("train/1.png", "test/1.png")):
        save(name, picture(seed))
    (sample,) = collect(tmp_path, Choices(made_from="grey"), scale=1).each
    assert sample.source == tmp_path / "test" / "1.png"


def test_a_split_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--split val: .* has no parts"):
        split_of(tmp_path, "val")
    (tmp_path / "train").mkdir()
    with pytest.raises(UsageError, match="--split val: .* has only train"):
        split_of(tmp_path, "val")


@pytest.mark.parametrize(
    ("files", "choices", "scale", "said"),
    [
        (["1.png"], Choices(), 1, "nothing to compare results with"),
        (["1.png"], Choices(made_from="edge"), 1, "there are edges, grey, lowres"),
        (["1.png"], Choices(made_from="grey"), 2, "takes pictures reduced by 2"),
        (["A/1.png", "B/1.png"], Choices(made_from="grey"), 1, "a folder of targets alone"),
        (["A/1.png", "B/2.png"], Choices(), 1, "no picture of that name in B/"),
        (["cats/1.png", "dogs/1.png"], Choices(), 1, "--features FILE.onnx compares two kinds"),
        (["input/1.png", "target/1.png"], Choices(), 1, "pairs are in A/ and B/: mv "),
        (["a/1.png", "b/1.png", "c/1.png"], Choices(), 1, "nothing to compare results with"),
    ],
)
def test_what_cannot_be_compared_is_refused(save, tmp_path, files, choices, scale, said):
    for name in files:
        save(name, picture(0))
    with pytest.raises(UsageError) as refused:
        collect(tmp_path, choices, scale)
    assert said in str(refused.value)


def test_a_pair_that_does_not_fit_names_both(save, tmp_path):
    save("A/1.png", picture(0, 20, 30))
    save("B/1.png", picture(0, 40, 60))
    (sample,) = collect(tmp_path, Choices(), scale=1).each
    with pytest.raises(ItemError, match=r"A/1\.png, .*B/1\.png: a pair of 30×20 and 60×40"):
        sample.read()


def test_sixteen_bits_are_measured_in_eight(save, tmp_path):
    deep = picture(0).astype(np.uint16) * 257
    save("a.png", deep)
    (sample,) = collect(tmp_path, Choices(made_from="grey"), scale=1).each
    assert np.array_equal(sample.read()[1], picture(0))
