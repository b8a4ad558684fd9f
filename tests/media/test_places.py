"""Laws of names of results: distinct, no longer than names can be, where the user looks."""

import os
from pathlib import Path

import pytest

from gantool.media.places import BESIDE, RESULTS, Places, beside, named

NAME = "superres-x4"


@pytest.mark.parametrize("letter", ["a", "ü", "写", "\udcff"])
def test_long_names_are_shortened_to_what_a_name_can_be_and_stay_distinct(letter):
    size = len(os.fsencode(letter))
    stems = [letter * (251 // size - 1) + each for each in ("1", "2")]
    targets = [beside(Path(f"p/{stem}.png"), Places(NAME)).target for stem in stems]
    assert len(set(targets)) == 2
    for target in targets:
        assert target.name.startswith(letter)
        assert target.name.endswith(f"-{NAME}.png")
        assert len(os.fsencode(named(target, "65").name)) <= 255


def test_names_that_fit_stay_as_they_are():
    assert beside(Path("p/a.png"), Places(NAME)).target == Path("p/a-superres-x4.png")


@pytest.mark.parametrize(
    ("output", "manifest"), [(None, BESIDE), ("p", BESIDE), ("p/../p", BESIDE), ("out", RESULTS)]
)
def test_a_folder_with_inputs_is_no_folder_of_results(output, manifest, tmp_path):
    (tmp_path / "p").mkdir()
    item = beside(tmp_path / "p/a.png", Places(NAME, output and tmp_path / output, ".jpg"))
    assert item.manifest == manifest
