"""Laws of the page of a run: it needs nothing else, tells everything, is no place for tricks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gantool.cli.app import start
from gantool.errors import OutputError
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.reports import run_page
from gantool.reports.run_page import SHOWN, Entry, Run, write

NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
TRICK = "<script>alert('x')</script>&\"'.png"
BROWSER = shutil.which("chromium")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(Path("a.png"), NOISE, Carry())
    write_image(Path("b.png"), np.kron(NOISE, np.ones((4, 4, 1), np.uint8)), Carry())


def written(*entries: Entry, **changes: object) -> str:
    run = {
        "title": "superres x4",
        "command": f"gantool superres {TRICK}",
        "truth": "1 picture",
        "details": {"model": "superres/photo-x4"},
        **changes,
    }
    write(Path("run.html"), Run(entries=entries, **run))
    return Path("run.html").read_text()


DONE = Entry(Path("a.png"), (Path("b.png"),), seconds=1.5)


def test_it_needs_no_network_and_no_other_file():
    page = written(DONE, Entry(Path("z"), state="failed", reason="bad"))
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"base64,[^\"]+", "", page))
    assert all(each.startswith("data:") for each in re.findall(r'src="([^"]*)"', page))
    assert "<link" not in page


def test_names_are_text_whatever_is_in_them():
    strange = [Path(TRICK), Path("two\nlines.png"), Path(os.fsdecode(b"\xff.png"))]
    page = written(*(Entry(path, state="failed", reason=TRICK) for path in strange), title=TRICK)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "two\\nlines.png" in page
    assert "\\udcff.png" in page


def test_failures_come_first_and_everything_is_in_the_table():
    entries = [
        DONE,
        Entry(Path("bad.png"), state="failed", reason="bad.png: cut short"),
        Entry(Path("old.png"), (Path("o.png"),), "skipped", "up to date"),
    ]
    page = written(*entries)
    assert page.index("1 failed") < page.index("cut short") < page.index("Before and after")
    table = page[page.index("All 3") :]
    assert all(name in table for name in ("a.png", "bad.png", "old.png", "up to date", "1.50"))


def test_pictures_stand_before_and_after_in_one_size_and_as_a_part_at_its_own():
    page = written(DONE)
    assert "120×90 → 480×360" in page
    assert page.count('<img class="before"') == page.count('<img class="after"') == 2
    assert page.count('type="range"') == 2


@pytest.mark.parametrize("gone", ["a.png", "b.png"])
def test_pictures_that_cannot_be_read_any_more_are_named(gone):
    Path(gone).write_bytes(b"no picture")
    page = written(DONE, Entry(Path("vanished.png"), (Path("vanished-x4.png"),)))
    assert f"{gone}: not a picture" in page
    assert "vanished.png: cannot be read" in page


def test_every_result_of_a_picture_is_shown():
    write_image(Path("c.png"), 255 - NOISE, Carry())
    assert written(Entry(Path("a.png"), (Path("b.png"), Path("c.png")))).count("<figure>") == 2


def test_grey_deep_and_transparent_pictures_are_shown():
    for number, carry in enumerate((Carry(grey=True), Carry(alpha=NOISE[..., 0]))):
        write_image(Path(f"{number}.png"), NOISE, carry)
    write_image(Path("2.png"), NOISE.astype(np.uint16) * 257, Carry())
    page = written(*(Entry(Path("a.png"), (Path(f"{number}.png"),)) for number in range(3)))
    assert page.count('<img class="after"') == 6


def test_of_many_some_are_shown_all_are_listed_and_the_page_stays_small(monkeypatch):
    monkeypatch.setattr(run_page, "SHOWN", 5)
    page = written(*(Entry(Path("a.png"), (Path("b.png"),)) for _ in range(3000)))
    assert page.count("<figure>") == 5
    assert "5 of 3000" in page
    assert page.count("<tr>") == 3001
    assert len(page) < 3_000_000
    assert SHOWN == 60


def test_a_place_that_cannot_be_written_is_an_output_error():
    with pytest.raises(OutputError, match=r"a\.png"):
        write(Path("a.png/run.html"), Run("", "", "", {}, []))


def test_the_command_writes_it_also_when_pictures_fail(capfd):
    Path("bad.png").write_text("no picture")
    command = ["superres", "a.png", "bad.png", "--scale", "2", "--report", "run.html"]
    assert start(command) == 1
    page = Path("run.html").read_text()
    assert all(part in page for part in ("1 failed", "bad.png", "240×180", "photo-x2-fidelity"))


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [360, 1280])
def test_a_browser_shows_it_without_scrolling_sideways_and_the_slider_moves(width, tmp_path):
    page = written(DONE, Entry(Path("b" * 300), state="failed", reason="c" * 300))
    probe = """<script>
    const range = document.querySelector('.pair input');
    range.value = 20;
    range.dispatchEvent(new Event('input', { bubbles: true }));
    document.querySelector('.views button').click();
    const [whole, close] = document.querySelectorAll('.pair');
    document.title = [document.documentElement.scrollWidth - innerWidth,
      whole.style.getPropertyValue('--at'), whole.hidden, close.hidden].join(' ');
    </script></body>"""
    Path("run.html").write_text(page.replace("</body>", probe))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command = [BROWSER, *options, f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    command += [f"--window-size={width},900", f"file://{tmp_path}/run.html"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    beyond, at, whole, close = re.search("<title>(.*)</title>", dom)[1].split()
    assert int(beyond) <= 0
    assert (at, whole, close) == ("20%", "true", "false")
