"""Laws of `gantool pipe`: it is the tasks one after the other, with one decode and one encode."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clips
import models
from gantool import Pipeline, api, films, steadied
from gantool.cli.app import start
from gantool.cli.pipes import links
from gantool.errors import UsageError
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
CHAIN = "soften --strength 0.5 | enlarge"


def soften(strength: float = 1.0, colours: bool = False, samples: int = 1) -> Pipeline:
    """Blur."""
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:g}: must be 0 to 1")

    def process(frame, predict):
        made = (predict(frame) * strength + frame * (1 - strength)).astype(frame.dtype)
        return made if samples == 1 else {str(number): made for number in range(samples)}

    def film(frames, predict):
        return steadied(frames, lambda frame: process(frame, predict))

    results = tuple(map(str, range(samples))) if samples > 1 else ("",)
    return Pipeline(("blur.onnx",), process, film, f"{strength:g}", results=results, scale=1)


def enlarge() -> Pipeline:
    """Make larger."""
    return Pipeline(("x2.onnx",), label="x2", kind="enhanced")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models.bilinear(Path("x2.onnx"))
    models.wide_blur(Path("blur.onnx"), radius=2)
    for task in (soften, enlarge):
        monkeypatch.setitem(api.registry().tasks, task.__name__, task)
    Path("photos").mkdir()
    top = (NOISE[..., 0] // 2 + 100).astype(np.uint8)
    pictures = {
        "a.png": (NOISE, Carry()),
        "alpha.png": (NOISE, Carry(alpha=top)),
        "deep.png": (NOISE.astype(np.uint16) * 251, Carry()),
        "grey.png": (np.repeat(NOISE[..., :1], 3, axis=2), Carry(grey=True)),
    }
    for name, (frame, carry) in pictures.items():
        write_image(Path("photos", name), frame, carry)
    return tmp_path


@pytest.fixture
def gantool(capfd):
    """Runs a command line; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = start(list(arguments))
        return code, *capfd.readouterr()

    return run


def test_pictures_become_what_the_tasks_make_of_them_one_after_the_other(gantool):
    assert gantool("pipe", CHAIN, "photos", "-o", "piped")[0] == 0
    assert gantool("soften", "--strength", "0.5", "photos", "-o", "soft")[0] == 0
    assert gantool("enlarge", "soft", "-o", "one-by-one")[0] == 0
    for path in sorted(Path("one-by-one").glob("*.png")):
        (ours, mine), (theirs, its) = read_image(Path("piped", path.name)), read_image(path)
        assert (ours.dtype, mine.grey) == (theirs.dtype, its.grey)
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
        assert (mine.alpha is None) == (its.alpha is None)
        assert mine.alpha is None or (mine.alpha == its.alpha).all()
    assert len(list(Path("piped").glob("*.png"))) == 4


def test_results_are_named_after_the_tasks_and_say_all_models(gantool):
    code, out, _ = gantool("pipe", CHAIN, "photos/a.png")
    assert (code, out) == (0, "photos/a-soften-0.5+enlarge-x2.png\n")
    xmp = read_image(Path(out.strip()))[1].xmp
    assert all(name in xmp for name in (b"blur.onnx", b"x2.onnx", b"compositeWithTrained"))


def test_the_same_chain_again_does_nothing_and_another_is_another(gantool):
    gantool("pipe", CHAIN, "photos", "-o", "out")
    again = "  soften  '--strength' .5|enlarge "
    assert "4 up to date" in gantool("pipe", again, "photos", "-o", "out")[2]
    code, _, err = gantool("pipe", "soften | enlarge", "photos", "-o", "out")
    assert (code, err.count("\n")) == (2, 1)


def test_a_dry_run_and_events(gantool):
    code, out, err = gantool("pipe", CHAIN, "photos", "--dry-run")
    assert (code, len(out.splitlines())) == (0, 4)
    assert "photos/a.png → photos-soften-0.5+enlarge-x2/a.png" in out
    assert not Path("photos-soften-0.5+enlarge-x2").exists()
    told = [json.loads(line) for line in gantool("pipe", CHAIN, "photos", "--json")[1].splitlines()]
    begun = told[0]
    assert begun["task"] == "pipe"
    assert [each["name"] for each in begun["models"]] == ["blur.onnx", "x2.onnx"]
    assert begun["options"]["tasks"] == "soften | enlarge"
    assert begun["options"]["1.strength"] == "0.5"
    assert told[-1]["done"] == 4


def test_a_report_and_a_demo(gantool):
    code, out, _ = gantool("pipe", CHAIN, "--demo", "--report", "run.html")
    assert (code, out) == (0, "demo-soften-0.5+enlarge-x2.jpg\n")
    assert "1.strength" in Path("run.html").read_text()


def film(name: str, task: list[str], gantool) -> list:
    lossless = ("--codec", "ffv1", "--pix-fmt", "yuv444p10le", "-o", name)
    assert gantool(*task, *lossless)[0] == 0
    return clips.seen(Path(name)).planes


def test_a_film_becomes_what_the_tasks_make_of_it_one_after_the_other(gantool):
    clips.film(Path("film.mkv"), clips.frames(8))
    assert gantool("pipe", CHAIN, "film.mkv", "-o", "piped/%03d.png")[0] == 0
    assert gantool("soften", "--strength", "0.5", "film.mkv", "-o", "soft/%03d.png")[0] == 0
    assert gantool("enlarge", "soft/%03d.png", "-o", "apart/%03d.png")[0] == 0
    names = [f"{number:03d}.png" for number in range(1, 9)]
    for name in names:
        ours, theirs = (np.asarray(Image.open(Path(each, name))) for each in ("piped", "apart"))
        assert ours.shape == (96, 128, 3)
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_a_film_that_was_stopped_goes_on_bit_for_bit(gantool, monkeypatch):
    monkeypatch.setattr(films, "SEGMENT", 3)
    clips.film(Path("film.mkv"), clips.frames(8))
    chain = "soften | enlarge | soften --strength 0.5"
    whole = film("whole.mkv", ["pipe", chain, "film.mkv"], gantool)
    plan = api.plan_chain(links(chain), ["film.mkv"], options("parts.mkv"))
    outcomes = api.execute(plan)
    for outcome in outcomes:
        if getattr(outcome, "frames", 0) == 5 and not plan.stop.is_set():
            plan.cancel()
    (resumed,) = [
        each.resumed
        for each in api.execute(api.plan_chain(links(chain), ["film.mkv"], options("parts.mkv")))
        if type(each).__name__ == "Done"
    ]
    assert resumed == 3
    parts = clips.seen(Path("parts.mkv")).planes
    assert len(whole) == len(parts) == 8
    for ours, theirs in zip(parts, whole, strict=True):
        assert all((plane == other).all() for plane, other in zip(ours, theirs, strict=True))


def options(output: str) -> api.RunOptions:
    return api.RunOptions(output=Path(output), codec="ffv1", pix_fmt="yuv444p10le", device="cpu")


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("", "part 1 of the chain is empty"),
        ("soften ||enlarge", "part 2 of the chain is empty"),
        ("soften | enlarge |", "part 3 of the chain is empty"),
        ("soften | enlarg", "part 2: no task enlarg; there are colorize, derain, enlarge"),
        ("soften --strenth 1 | enlarge", "part 1, soften: No such option: --strenth"),
        ("soften | soften --strength a", "part 2, soften: Invalid value for '--strength'"),
        ("soften | soften --strength 3", "part 2, soften: --strength 3: must be 0 to 1"),
        ("soften | enlarge photos", "part 2, enlarge: Got unexpected extra argument"),
        ("soften --device cpu", "--device: options of the run stand outside the chain"),
        ("soften -o x", "-o: options of the run stand outside the chain"),
        ("soften --help", "No such option: --help"),
        ("soften 'x", "no closing quotation"),
        ("soften --samples 2 | enlarge", "part 1 gives 2 results: only the last may"),
    ],
)
def test_what_is_wrong_in_a_chain_is_one_line_that_names_the_part(chain, said, gantool):
    code, out, err = gantool("pipe", chain, "photos")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_options_are_parsed_as_their_command_does():
    assert links("soften --strength .5 --colours|enlarge") == [
        ("soften", {"strength": 0.5, "colours": True, "samples": 1}),
        ("enlarge", {}),
    ]


def test_a_question_to_a_task_is_answered(gantool):
    code, out, _ = gantool("pipe", "enlarge | translate --list-styles", "photos")
    assert code == 0
    assert "monet" in out


def test_the_last_task_may_give_several_results(gantool):
    code, out, _ = gantool("pipe", "enlarge | soften --samples 2", "photos/a.png", "-o", "b.png")
    assert (code, out.split()) == (0, ["b-0.png", "b-1.png"])
    assert Image.open("b-0.png").size == (60, 40)
