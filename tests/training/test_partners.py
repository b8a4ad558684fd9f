"""Files of two folders belong together by their names; nothing is lost on the way."""

from pathlib import Path

import pytest

from gantool.training.layouts import Layout
from gantool.training.partners import partners, renames_to_pairs


def two(kind: str, **names: str) -> Layout:
    """A layout of two folders with these names, as in `A="1.png 2.png"`."""
    parts = {part: [Path("x", part, name) for name in text.split()] for part, text in names.items()}
    return Layout(kind, Path("x"), parts)


@pytest.mark.parametrize(
    ("a", "b", "together"),
    [
        ("1.png 2.png", "1.png 2.png", ["1.png+1.png", "2.png+2.png"]),
        ("1.png 2.png", "1.jpg 2.jpg", ["1.png+1.jpg", "2.png+2.jpg"]),
        ("1.jpg 1.png", "1.jpg 1.png", ["1.jpg+1.jpg", "1.png+1.png"]),
        ("1.png", "2.png", []),
    ],
)
def test_equal_names_belong_together(a, b, together):
    pairs, _ = partners(two("pairs", A=a, B=b))
    assert [f"{one.name}+{other.name}" for one, other in pairs] == together


@pytest.mark.parametrize(
    ("a", "b"), [("1.png 2.png", "2.png 3.png"), ("1.jpg 1.png", "1.png"), ("", "1.png")]
)
def test_every_file_is_in_one_pair_or_alone(a, b):
    layout = two("pairs", A=a, B=b)
    pairs, lonely = partners(layout)
    found = sorted([*lonely, *(path for pair in pairs for path in pair)])
    assert found == sorted([*layout.parts["A"], *layout.parts["B"]])
    assert lonely


@pytest.mark.parametrize(
    ("one", "other"), [("input", "target"), ("source", "target"), ("a", "b"), ("lr", "hr")]
)
def test_folders_called_like_pairs_are_to_be_renamed(one, other):
    layout = two("unpaired", **{other: "1_gt.png", one: "1.png"})
    assert renames_to_pairs(layout) == f"mv x/{one} x/A && mv x/{other} x/B"


def test_equal_file_names_in_both_folders_look_like_pairs():
    layout = two("unpaired", rain="1.png 2.png", dry="1.jpg 2.jpg")
    assert renames_to_pairs(layout) == "mv x/dry x/A && mv x/rain x/B"


@pytest.mark.parametrize(
    "layout",
    [
        two("unpaired", cats="1.png", dogs="2.png"),
        two("unpaired", A="1.png", B="1.png"),  # trainA and trainB: meant to be unpaired
        two("plain", pictures="1.png"),
    ],
)
def test_others_are_left_alone(layout):
    assert renames_to_pairs(layout) == ""
