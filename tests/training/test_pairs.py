"""Laws of pairs: input and target stay over each other, whatever is cut, turned and resized."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gantool.errors import ItemError, UsageError
from gantool.training import degrade
from gantool.training.batches import collate
from gantool.training.layouts import find
from gantool.training.pairs import Pairs, read_pairs


def told(height: int, width: int, number: int = 0) -> np.ndarray:
    """A picture whose pixels tell their row, column and picture."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows, columns, np.full_like(rows, number)]).astype(np.uint8)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def levels(tensor: torch.Tensor) -> np.ndarray:
    """3×c×c in [−1, 1] → c×c×3 in levels of 255."""
    return ((tensor.permute(1, 2, 0) + 1) / 2 * 255).round().numpy().astype(np.uint8)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Two pairs whose targets are their inputs, inverted."""
    frames = [told(40, 55, 1), told(60, 44, 2)]
    return Pairs([(frame, 255 - frame) for frame in frames], crop=32, size=4)


def test_a_sample_is_a_function_of_seed_step_and_item(pairs):
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2**40, 7)]
    wanted = [pairs.sample(*place)["input"] for place in places]
    again = [pairs.sample(*place)["input"] for place in reversed(places)][::-1]
    assert all(map(torch.equal, wanted, again))
    assert len({one.numpy().tobytes() for one in wanted}) == len(places)


def test_input_and_target_are_the_same_piece(pairs):
    for item in range(20):
        sample = pairs.sample(3, 0, item)
        assert np.array_equal(255 - levels(sample["input"]), levels(sample["target"]))


def test_pieces_come_from_all_pairs_mirrored_or_not_never_turned(pairs):
    found = set()
    for item in range(60):
        piece = levels(pairs.sample(0, 0, item)["input"]).astype(int)
        number = piece[0, 0, 2]
        mirrored = piece[0, 0, 1] > piece[0, -1, 1]
        straight = piece[:, ::-1] if mirrored else piece
        top, left, _ = straight[0, 0]
        frame = pairs.pairs[number - 1][0]
        assert np.array_equal(straight, frame[top : top + 32, left : left + 32])
        found.add((int(number), bool(mirrored)))
    assert found == {(number, mirrored) for number in (1, 2) for mirrored in (False, True)}


def test_a_batch_is_in_the_range_of_tanh(pairs):
    batch = collate(pairs, 0, 0, range(4))
    assert {name: tuple(each.shape) for name, each in batch.items()} == {
        "input": (4, 3, 32, 32),
        "target": (4, 3, 32, 32),
    }
    assert all(each.dtype == torch.float32 for each in batch.values())
    assert batch["input"].min() >= -1
    assert batch["target"].max() <= 1
    assert batch["target"].max() - batch["input"].min() > 1.5


def test_side_by_side_the_left_is_the_input(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.png", np.hstack([told(24, 24, 1), told(24, 24, 2)]))
    for one, other in read_pairs(find(tmp_path), 24):
        assert np.array_equal(one, told(24, 24, 1))
        assert np.array_equal(other, told(24, 24, 2))


def test_in_two_folders_names_decide(tmp_path):
    for number, name in enumerate(("x", "y")):
        save(tmp_path / "A" / f"{name}.png", told(24, 30, number))
        save(tmp_path / "B" / f"{name}.png", told(24, 30, number + 100))
    found = read_pairs(find(tmp_path), 24)
    assert [(one[0, 0, 2], other[0, 0, 2]) for one, other in found] == [(0, 100), (1, 101)]


@pytest.mark.parametrize("made_from", degrade.FROM)
def test_inputs_are_made_from_targets(tmp_path, made_from):
    picture = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    for name in "ab":
        save(tmp_path / f"{name}.png", picture)
    for one, other in read_pairs(find(tmp_path), 32, made_from=made_from):
        assert np.array_equal(one, degrade.FROM[made_from](picture))
        assert np.array_equal(other, picture)


@pytest.mark.parametrize(
    ("size", "side", "wanted"),
    [((24, 48), 12, (12, 24)), ((48, 24), 36, (72, 36)), ((25, 31), 17, (17, 21))],
)
def test_the_short_side_is_brought_to_the_side(tmp_path, size, side, wanted):
    for folder in "AB":
        for name in "xy":
            save(tmp_path / folder / f"{name}.png", told(*size))
    for pair in read_pairs(find(tmp_path), side):
        assert [each.shape[:2] for each in pair] == [wanted, wanted]


def test_a_pair_of_two_sizes_is_named(tmp_path):
    for name in "xy":
        save(tmp_path / "A" / f"{name}.png", told(24, 24))
        save(tmp_path / "B" / f"{name}.png", told(24, 30))
    with pytest.raises(UsageError, match=r"x\.png.*x\.png: a pair of 24×24 and 30×24"):
        read_pairs(find(tmp_path), 24)


def test_single_pictures_are_no_pairs_but_can_be_made_some(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.png", told(32, 40))
    with pytest.raises(UsageError, match=r"not pairs: .*--from .* makes pairs"):
        read_pairs(find(tmp_path), 24)
    with pytest.raises(UsageError, match="--from rust: there are edges"):
        read_pairs(find(tmp_path), 24, made_from="rust")


def test_pairs_are_not_made_from_pairs(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.png", told(24, 48))
    with pytest.raises(UsageError, match="--from grey is for single pictures: leave it out"):
        read_pairs(find(tmp_path), 24, made_from="grey")


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    for folder in "AB":
        for name in "xyz":
            save(tmp_path / folder / f"{name}.png", told(24, 30))
    layout = find(tmp_path)
    whole = (tmp_path / "B" / "y.png").read_bytes()
    (tmp_path / "B" / "y.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ItemError, match=r"y\.png"):
        read_pairs(layout, 24)
