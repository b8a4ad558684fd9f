"""Laws of what goes in and what outputs are called; no picture is opened, no file written."""

import os
from pathlib import Path

import pytest

from gantool.errors import NoPictureError, UsageError
from gantool.media import places, sources
from gantool.media.places import Places

NAME = "superres-x4"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def planned(*inputs: str, **options: object) -> dict[str, str]:
    """Source → target, as text."""
    items = sources.plan(inputs, Places(NAME, **options)).items
    pairs = {str(item.source): str(item.target) for item in items}
    assert len(pairs) == len(items)
    return pairs


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a.png", "a-superres-x4.png"),
        ("deep/a.b.JPG", "deep/a.b-superres-x4.JPG"),
        ("a.ppm", "a-superres-x4.png"),
        ("my cat.tif", "my cat-superres-x4.tif"),
        ("Grüße 写真.webp", "Grüße 写真-superres-x4.webp"),
        ("two\nlines.png", "two\nlines-superres-x4.png"),
        ("[1] {a}*?.png", "[1] {a}*?-superres-x4.png"),
        ("--scale.png", "--scale-superres-x4.png"),
        ("@a.png", "@a-superres-x4.png"),
        (".hidden.png", ".hidden-superres-x4.png"),
        (os.fsdecode(b"\xff.png"), os.fsdecode(b"\xff-superres-x4.png")),
    ],
)
def test_result_of_a_file_goes_beside_it(source, target):
    touch(source)
    assert planned(source) == {source: target}


@pytest.mark.parametrize("folder", ["photos", "photos/", "./photos", "photos/.", "other/../photos"])
def test_result_of_a_folder_is_a_sibling_with_the_same_tree(folder, here):
    touch("photos/a.png", "photos/2024/my trip/b.ppm", "photos/2024/a.png", "other/x.txt")
    found = {Path(source).resolve(): Path(to).resolve() for source, to in planned(folder).items()}
    into = here / "photos-superres-x4"
    assert found == {
        here / "photos/a.png": into / "a.png",
        here / "photos/2024/a.png": into / "2024/a.png",
        here / "photos/2024/my trip/b.ppm": into / "2024/my trip/b.png",
    }


@pytest.mark.parametrize("folder", [".", "sub/..", "{here}"])
def test_folder_without_a_name_of_its_own_has_a_sibling_too(folder, here):
    touch("a.png", "sub/b.png")
    found = planned(folder.format(here=here))
    expected = {here.parent / f"{here.name}-superres-x4" / name for name in ("a.png", "sub/b.png")}
    assert {Path(target).resolve() for target in found.values()} == expected


def test_root_of_the_file_system_has_no_sibling():
    with pytest.raises(UsageError, match="-o"):
        planned("/")


def test_hidden_files_and_folders_and_other_files_are_left_out():
    touch("photos/.a.png", "photos/.thumbs/b.png", "photos/notes.txt", "photos/c.png", "photos/png")
    assert list(planned("photos")) == ["photos/c.png"]


def test_o_names_the_file_of_a_single_picture():
    touch("a.png")
    assert planned("a.png", output=Path("out/b.jpg")) == {"a.png": "out/b.jpg"}


@pytest.mark.parametrize("output", ["out", "out.png"])
def test_o_is_else_the_folder_of_the_results(output):
    touch("a.png", "deep/b.ppm")
    Path("out.png").mkdir()
    assert planned("a.png", output=Path(output)) == {"a.png": f"{output}/a.png"}
    targets = {"a.png": f"{output}/a.png", "deep/b.ppm": f"{output}/b.png"}
    assert planned("a.png", "deep/b.ppm", output=Path(output)) == targets


@pytest.mark.parametrize("output", ["out.png", "file"])
def test_o_of_several_pictures_must_be_a_folder(output):
    touch("a.png", "b.png", "file")
    with pytest.raises(UsageError, match=output):
        planned("a.png", "b.png", output=Path(output))


def test_o_of_a_folder_takes_its_tree():
    touch("photos/sub/a.png")
    assert planned("photos", output=Path("out")) == {"photos/sub/a.png": "out/sub/a.png"}


def test_o_of_several_folders_keeps_them_apart_by_name():
    touch("one/a.png", "two/a.png")
    assert planned("one", "two", output=Path("out")) == {
        "one/a.png": "out/one/a.png",
        "two/a.png": "out/two/a.png",
    }


def test_format_changes_the_ending_everywhere():
    touch("a.png", "photos/b.JPG")
    assert planned("a.png", "photos", suffix=".webp") == {
        "a.png": "a-superres-x4.webp",
        "photos/b.JPG": "photos-superres-x4/b.webp",
    }


@pytest.mark.parametrize("given", ["xyz", "ppm", "", "onnx"])
def test_format_is_an_ending_that_can_be_written(given):
    assert [places.suffix_of(each) for each in ("png", ".JPG")] == [".png", ".jpg"]
    with pytest.raises(UsageError, match="--format"):
        places.suffix_of(given)


def test_pattern_takes_pictures_only_sorted_and_below_by_two_stars():
    touch("p/b.png", "p/a.png", "p/x.txt", "p/deep.png/c.png")
    assert list(planned("p/*")) == ["p/a.png", "p/b.png"]
    assert list(planned("p/**/*.png")) == ["p/a.png", "p/b.png", "p/deep.png/c.png"]


def test_list_names_inputs_line_by_line():
    touch("a.png", "my photos/b.png", "c1.png", "c2.png")
    Path("list.txt").write_text("a.png\n\nmy photos\nc?.png\n")
    Path("outer.txt").write_text("@list.txt\r\n")
    expected = ["a.png", "my photos/b.png", "c1.png", "c2.png"]
    assert list(planned("@list.txt")) == list(planned("@outer.txt")) == expected


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"missing.png", b"@list.txt"])
def test_list_that_cannot_be_followed_is_refused(content):
    if content is not None:
        Path("list.txt").write_bytes(content)
    with pytest.raises(UsageError):
        planned("@list.txt")


def test_same_picture_twice_is_one_item():
    touch("a.png")
    assert planned("a.png", "./a.png", "*.png") == {"a.png": "a-superres-x4.png"}


@pytest.mark.parametrize("missing", ["a.png", "photos/", "", "a\nb.png"])
def test_input_that_is_not_there_is_refused_by_name(missing):
    touch("there.png")
    with pytest.raises(UsageError) as refusal:
        planned("there.png", missing)
    assert str(refusal.value) == f"{missing}: no such file or folder"


@pytest.mark.parametrize("given", ["empty", "empty/*.png", "[x].png"])
def test_nothing_found_is_no_picture(given):
    touch("empty/notes.txt")
    with pytest.raises(NoPictureError, match="no picture"):
        planned(given)


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["photos"], "photos/out"),
        (["photos"], "photos/sub/out"),
        (["one", "photos"], "photos/out"),
    ],
)
def test_output_folder_is_never_taken_as_input(inputs, output):
    touch("photos/a.png", "photos/sub/b.png", "photos/out.png", "one/c.png")
    first = planned(*inputs, output=Path(output))
    touch(*first.values())
    assert planned(*inputs, output=Path(output)) == first


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        (["a.png"], "a.png"),
        (["a.png"], "."),
        (["a.png", "b.png"], "."),
        (["photos"], "photos"),
        (["photos/c.png"], "photos"),
    ],
)
def test_output_on_an_input_is_refused(inputs, output):
    touch("a.png", "b.png", "photos/c.png")
    with pytest.raises(UsageError):
        planned(*inputs, output=Path(output))


@pytest.mark.parametrize("inputs", ["photos", "link"])
def test_input_is_known_behind_a_link_too(inputs):
    touch("photos/a.png")
    Path("link").symlink_to("photos")
    with pytest.raises(UsageError, match="is an input"):
        planned(inputs, output=Path("link" if inputs == "photos" else "photos"))


@pytest.mark.parametrize(
    ("files", "inputs", "options"),
    [
        (["p/a.jpg", "p/a.png"], ["p"], {"suffix": ".png"}),
        (["p/a.ppm", "p/a.png"], ["p"], {}),
        (["p/a.png", "q/a.png"], ["p/a.png", "q/a.png"], {"output": Path("out")}),
        (["p/x/a.png", "q/x/a.png"], ["p/x", "q/x"], {"output": Path("out")}),
    ],
)
def test_two_inputs_of_one_output_are_refused_and_named(files, inputs, options):
    touch(*files)
    with pytest.raises(UsageError, match="would both become") as refusal:
        planned(*inputs, **options)
    assert all(file in str(refusal.value) for file in files)


def test_links_to_pictures_are_pictures_and_loops_of_links_end():
    touch("photos/a.png", "z.png")
    for link, to in {"again": "..", "self.png": "self.png", "b.png": "../z.png"}.items():
        Path("photos", link).symlink_to(to)
    found = planned("photos")
    assert {"photos/a.png", "photos/b.png"} <= found.keys()
    assert not any("again" in source for source in found)


def test_order_is_that_of_the_inputs_and_sorted_within_folders():
    touch("z.png", "a/2.png", "a/10.png", "a/b/1.png")
    assert list(planned("z.png", "a")) == ["z.png", "a/10.png", "a/2.png", "a/b/1.png"]


def test_plan_writes_nothing_and_opens_no_picture(here):
    touch("photos/a.png", "b.png")
    before = sorted(here.rglob("*"))
    planned("photos", "b.png", output=Path("out"))
    assert sorted(here.rglob("*")) == before
