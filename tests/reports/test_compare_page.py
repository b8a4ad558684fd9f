"""Laws of the page of a comparison: alone, safe with any name, one zoom for all pictures."""

import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from gantool.reports import compare_page, viewer
from gantool.reports.compare_page import MIDDLE, SIDE, Comparison, Pane, figure, write

NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
LARGE = np.kron(NOISE, np.ones((4, 4, 1), np.uint8))
TRICK = "<script>alert('x')</script>&\"'.png"
BROWSER, NODE = shutil.which("chromium"), shutil.which("node")
MEANS = {"a": {"psnr_rgb": 20.0, "l1": 4.0}, "b": {"psnr_rgb": 30.0, "l1": 5.0}}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def panes(*frames: np.ndarray) -> list[Pane]:
    return [Pane(f"picture {number}", frame) for number, frame in enumerate(frames)]


def written(*figures: str, **changes: object) -> str:
    told = {"title": "a · b", "command": "gantool compare a b", "of": len(figures), **changes}
    write(Path("page.html"), Comparison(figures=figures, **told))
    return Path("page.html").read_text()


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    content = (np.frombuffer(base64.b64decode(each), np.uint8) for each in found)
    return [cv2.imdecode(each, cv2.IMREAD_COLOR)[..., ::-1] for each in content]


def test_it_needs_no_network_and_no_other_file():
    page = written(figure("a", panes(NOISE, LARGE)), means=MEANS)
    bare = re.sub(r"base64,[^\"]+", "", page)
    assert not re.search(r"https?:|//|url\(|@import|<link", bare)
    assert "default-src 'none'" in bare


def test_names_are_text_whatever_is_in_them():
    tricked = figure(TRICK, [Pane(TRICK, NOISE)] * 3)
    scores = {TRICK: {"l1": 1.0}}
    page = written(
        tricked, title=TRICK, command=TRICK, means=scores, problems=[TRICK], details={TRICK: TRICK},
        rows=[(TRICK, scores)] * 2,
    )  # fmt: skip
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") > 15


def test_every_tag_is_closed():
    class Tags(HTMLParser):
        empty = frozenset(("meta", "img", "input", "br"))

        def __init__(self):
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag, attrs):
            if tag not in self.empty:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed(written(figure("a", panes(NOISE, NOISE, LARGE)), means=MEANS, problems=["z: bad"]))
    assert tags.open == []


def test_pictures_are_there_once_each_in_their_own_size():
    smooth = cv2.GaussianBlur(LARGE, (0, 0), 6)
    page = figure("a", panes(cv2.resize(smooth, (120, 90)), smooth))
    small, large = pictures(page)
    assert (small.shape, large.shape) == ((90, 120, 3), (360, 480, 3))
    assert np.abs(large.astype(int) - smooth).mean() < 3
    assert "picture 0 120×90 · picture 1 480×360" in page
    assert "--ratio: 1.33333; --width: 480px" in page


def test_of_large_pictures_the_middle_is_shown_in_its_own_pixels():
    frame = np.zeros((1200, SIDE + 400, 3), np.uint8)
    frame[590:610, (SIDE + 400) // 2 - 10 : (SIDE + 400) // 2 + 10] = 255
    whole, half, middle, small = pictures(figure("a", panes(frame, frame[::2, ::2])))
    assert (whole.shape[1], half.shape[1]) == (SIDE, SIDE // 2 + 200)
    assert middle.shape == (*MIDDLE, 3)
    assert small.shape == (MIDDLE[0] // 2, MIDDLE[1] // 2, 3)
    for part in (middle, small):
        down, across = np.argwhere(part[..., 0] > 128).mean(axis=0)
        assert (down + 0.5, across + 0.5) == pytest.approx((part.shape[0] / 2, part.shape[1] / 2))


def test_only_of_three_pictures_there_is_a_choice():
    two, three = figure("a", panes(NOISE, NOISE)), figure("a", panes(NOISE, NOISE, NOISE))
    assert (two.count("<select>"), three.count("<select>")) == (0, 2)
    assert three.count('<option value="2">picture 2</option>') == 2


def test_everything_can_be_reached_by_keys_and_has_a_name():
    page = written(figure("photo", panes(NOISE, NOISE)))
    assert 'tabindex="0" role="group" aria-label="photo: pictures, see keys below"' in page
    assert len(re.findall(r"<button [^>]*aria-label=", page)) == page.count("<button") == 6
    assert all(text in page for text, _ in viewer.HELP)
    acts = re.findall(r'data-do="(\w+)"', page)
    assert all(re.search(rf"^    {act}: \(\) =>", viewer.SCRIPT, re.MULTILINE) for act in acts)


def test_keys_that_are_told_are_those_that_are_heard():
    keys = re.search(r"const keys = \{(.*?)\}", viewer.SCRIPT, re.DOTALL)[1]
    heard = {key.strip("'").upper() for key in re.findall(r"('?.'?):", keys)}
    told = {word for text, _ in viewer.HELP for word in text.split()}
    assert heard - {"=", "-"} <= told
    assert "−" in told


def test_the_best_value_of_each_measure_is_told():
    page = written(figure("a", panes(NOISE, NOISE)), means=MEANS)
    assert "<th>psnr_rgb ↑</th><th>l1 ↓</th>" in page
    assert "<tr><td>a</td><td>20.00</td><td class=best>4.000</td></tr>" in page
    assert "<tr><td>b</td><td class=best>30.00</td><td>5.000</td></tr>" in page


def test_what_is_left_out_is_told():
    page = written(figure("a", panes(NOISE, NOISE)), of=30, problems=["b: cut short"])
    assert "1 of 30" in page
    assert page.index("1 left out") < page.index("b: cut short") < page.index("<figure")


@pytest.mark.skipif(NODE is None, reason="there is no Node here to run the script")
def test_the_script_keeps_its_laws():
    script = Path(compare_page.__file__).with_name("viewer.js")
    laws = Path(__file__).with_name("viewer_laws.js")
    done = subprocess.run([NODE, laws, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "all laws hold\n"), done.stderr


PROBE = """<script>
const panes = document.querySelector('.panes');
const press = key => panes.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
const box = selector => document.querySelector(selector).getBoundingClientRect();
const beyond = () => document.documentElement.scrollWidth - innerWidth;
const told = [beyond(), getComputedStyle(document.querySelector('.left')).clipPath];
press('ArrowRight'); press('+'); press('+');
const [left, right] = ['.left img', '.right img'].map(box);
const larger = left.width > 2 * box('.left').width;
told.push(Math.abs(left.width - right.width) < 1, larger, left.x === right.x);
press('s');
const all = [...document.querySelectorAll('.pane')].map(pane => pane.getBoundingClientRect());
told.push(beyond(), all.every(pane => pane.width > 100 && pane.height > 60));
document.title = told.join(' | ');
</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [375, 1280])
def test_a_browser_shows_it_without_scrolling_sideways_and_zooms_all_together(width, tmp_path):
    many = figure("c" * 300, [Pane("d" * 300, each) for each in (NOISE, LARGE, LARGE)])
    page = written(many, means={"e" * 90: MEANS["a"]}, problems=["f" * 300], title="g" * 300)
    Path("page.html").write_text(page.replace("</body>", PROBE))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command = [BROWSER, *options, f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    command += [f"--window-size={width},900", f"file://{tmp_path}/page.html"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    told = re.search("<title>(.*)</title>", dom)[1].split(" | ")
    before, clip, same, larger, locked, after, seen = told
    assert (int(before) <= 0, int(after) <= 0) == (True, True)
    assert clip.startswith("inset(")
    assert (same, larger, locked, seen) == ("true",) * 4
