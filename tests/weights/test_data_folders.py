"""Laws of folders of links: what is in them follows from the recipe file alone."""

import hashlib
import os

import pytest

pytest.importorskip("torch")

from builder.data_folders import digest_links, list_pictures, plan_links, write_links
from builder.recipe_file import Source
from gantool.errors import UsageError


@pytest.fixture
def plan(pictures):
    """Plans a folder from sources of `pictures`."""
    return lambda parts, **more: plan_links("it", parts, lambda name: pictures / name, **more)


def test_one_source_keeps_its_names_and_several_get_apart(plan):
    assert list(plan({"trainA": [Source(pictures="two")]})) == [f"trainA/{n}.png" for n in range(3)]
    links = plan({".": [Source(pictures="one"), Source(pictures="two", times=2)]})
    assert len(links) == 4 + 2 * 3
    assert [name for name in links if name.startswith("./01b-")] == [
        f"./01b-{n}.png" for n in range(3)
    ]


def test_a_choice_and_its_rest_are_all(pictures):
    for by in ("order", "hash"):
        some = Source(pictures="one", every=3, by=by)
        rest = Source(pictures="one", every=3, by=by, rest=True)
        both = [*list_pictures(some, pictures / "one"), *list_pictures(rest, pictures / "one")]
        assert sorted(both) == sorted((pictures / "one").iterdir())
    assert [path.name for path in list_pictures(some, pictures / "one")] == [
        name
        for name in sorted(os.listdir(pictures / "one"))
        if int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0
    ]
    every = Source(pictures="one", every=3)
    assert [path.name for path in list_pictures(every, pictures / "one")] == ["2.png"]


def test_patterns_take_and_leave_names(pictures):
    taken = list_pictures(Source(pictures="one/[12]*"), pictures / "one" / "[12]*")
    assert [path.name for path in taken] == ["1.png", "2.png"]
    left = list_pictures(Source(pictures="one", without="[12]*"), pictures / "one")
    assert [path.name for path in left] == ["0.png", "3.png"]


def test_a_source_without_pictures_is_named(plan):
    with pytest.raises(UsageError, match="data folder it: no picture in .*three"):
        plan({".": [Source(pictures="three")]})


def test_links_are_made_mended_and_kept(plan, tmp_path):
    links = plan({"trainA": [Source(pictures="one")]})
    write_links(tmp_path / "links", links)
    kept = tmp_path / "links" / "trainA" / "0.png"
    before = kept.lstat().st_ino
    (tmp_path / "links" / "trainA" / "1.png").unlink()
    write_links(tmp_path / "links", links)
    assert kept.lstat().st_ino == before
    assert all((tmp_path / "links" / name).samefile(target) for name, target in links.items())


def test_the_digest_sees_names(plan, pictures):
    first = digest_links(plan({".": [Source(pictures="one")]}))
    (pictures / "one" / "0.png").rename(pictures / "one" / "00.png")
    assert digest_links(plan({".": [Source(pictures="one")]})) != first


def test_a_trial_takes_a_few_of_each_source(plan):
    assert len(plan({".": [Source(pictures="one"), Source(pictures="two")]}, most=2)) == 4
