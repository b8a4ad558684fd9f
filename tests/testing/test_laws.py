"""Law of laws: a task that keeps them is left in peace, one that breaks one is told which."""

import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import models
from gantool import Frame, ItemError, Pipeline, UsageError
from gantool.runtime.contract import Contract
from gantool.testing import Verdict, assert_task_contract, check_task, purity, tiny_model
from gantool.testing.laws import LAWS

LAST: list[Frame] = []
BOTH = threading.Barrier(2)


def task_of(pipeline: Pipeline) -> Callable[[], Pipeline]:
    """A task that gives it."""

    def fog() -> Pipeline:
        """Do what a test wants."""
        return pipeline

    return fog


def task(process: Callable[..., object], *model: str, **more: object) -> Callable[[], Pipeline]:
    return task_of(Pipeline(model, process, **more))


def verdicts(pipeline: Callable[..., Pipeline], **more: object) -> dict[str, Verdict]:
    return {each.law: each for each in check_task(pipeline, **more)}


def broken(pipeline: Callable[..., Pipeline], **more: object) -> dict[str, str]:
    """The laws that it breaks, each with what is said."""
    return {law: each.problem for law, each in verdicts(pipeline, **more).items() if each.problem}


def negative(frame: Frame) -> Frame:
    return np.iinfo(frame.dtype).max - frame


def random(frame: Frame) -> Frame:
    return frame ^ np.random.default_rng().integers(0, 2, frame.shape, frame.dtype)


def shared(frame: Frame) -> Frame:
    """Gives the frame that came last, as one does who keeps it in a variable of the module."""
    LAST[:] = [frame]
    if threading.current_thread() is not threading.main_thread():
        BOTH.wait(5)
    return LAST[0]


def darkened(frame: Frame) -> Frame:
    frame //= 2
    return frame


def one_pixel_less(frame: Frame) -> Frame:
    return frame[:-1] if len(frame) > 1 else frame


def of_one_channel(frame: Frame) -> Frame:
    return frame[..., 0]


def of_eight_bits(frame: Frame) -> Frame:
    return frame.astype(np.uint8)


def by_name(frame: Frame) -> dict[str, Frame]:
    return {"-left": frame, "-right": frame}


def never(frame: Frame) -> Frame:
    raise ItemError("no fog found")


BREAKS = {
    "suffixes": (task(by_name), "gives '-left', '-right', its pipeline says ''"),
    "sizes": (task(one_pixel_less), "becomes 39×3×3: scale is 1"),
    "sizes of a scale": (task(negative, scale=2), "1×1×3 becomes 1×1×3: scale is 2"),
    "sizes of channels": (task(of_one_channel), "must be H×W×3"),
    "sizes of arrays": (task(lambda frame: [1]), "gives list, no array"),
    "depths": (task(of_eight_bits), "uint16 becomes uint8"),
    "inputs": (task(darkened), "writes into the 1×1×3 frame"),
    "determinism": (task(random), "1 of 255 apart"),
    "together": (task(shared), "beside others"),
    "alpha": (task(negative, alpha="model"), "becomes 100% opaque"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_task_that_breaks_a_law_is_told_which(name):
    fog, said = BREAKS[name]
    found = broken(fog)
    assert said in found[name.split()[0]]
    with pytest.raises(AssertionError, match=f"fog breaks:\n(.*\n)* *{name.split()[0]}: "):
        assert_task_contract(fog)


@pytest.mark.parametrize("process", [negative, lambda frame: frame, lambda frame: frame // 2])
def test_task_that_keeps_all_laws_is_left_in_peace(process):
    found = verdicts(task(process))
    assert not any(each.problem for each in found.values())
    assert [law for law, each in found.items() if each.note] == ["seams", "film"]
    assert found.keys() == {"pipeline", "models", *(law.__name__ for law in LAWS)}
    assert_task_contract(task(process))


def test_task_with_a_model_keeps_all_laws(tmp_path):
    fog = task(lambda frame, clear: clear(frame), str(tiny_model(tmp_path / "x2.onnx", scale=2)))
    found = verdicts(fog)
    assert not any(each.problem for each in found.values())
    assert not found["seams"].note


def test_model_that_looks_farther_than_it_says_has_seams(tmp_path, monkeypatch):
    lying = replace(Contract("blur"), halo=1)
    monkeypatch.setattr(models, "Contract", lambda *_, **__: lying)
    fog = task(lambda frame, blur: blur(frame), str(models.wide_blur(tmp_path / "far.onnx")))
    found = broken(fog)
    assert found.keys() == {"seams"}
    assert "101×131×3 in tiles of 48" in found["seams"]


def test_functions_stand_in_for_models():
    fog = task(lambda frame, predict: predict(frame), "fog/none")
    assert "fog/none" in broken(fog)["models"]
    assert_task_contract(fog, predicts=[negative])
    assert "depths" in broken(fog, predicts=[of_eight_bits])


def test_film_that_is_remembered_outside_its_memory_is_told():
    def stream(frames):
        before = 0
        for frame in frames:
            yield (before := np.uint8(frame // 2 + before // 2))

    def remembering(frames):
        for frame in frames:
            before = frames.memory.get("before", 0)
            frames.memory["before"] = mixed = np.uint8(frame // 2 + before // 2)
            yield mixed

    assert "frame 3" in broken(task(negative, stream=stream))["film"]
    assert "film" not in broken(task(negative, stream=remembering))


def test_refusals_are_no_breach_unless_that_is_all():
    def coloured(frame: Frame) -> Frame:
        if (frame[..., 0] != frame[..., 1]).any():
            raise ItemError("it has colours already")
        return frame

    assert broken(task(coloured)) == {}
    assert broken(task(never))["sizes"] == "refuses every frame: no fog found"


def test_pipeline_must_be_one_with_a_label_for_file_names_and_help():
    def bare() -> Pipeline:
        return Pipeline(())

    def ending() -> Pipeline:
        sys.exit(3)

    assert "no docstring" in broken(bare)["pipeline"]
    assert "SystemExit: 3" in broken(ending)["pipeline"]
    assert "not a Pipeline" in broken(task_of(7))["pipeline"]
    assert "file name" in broken(task_of(Pipeline((), label="a/b")))["pipeline"]


def test_task_that_needs_options_is_tried_with_them():
    def fog(style: str = "") -> Pipeline:
        """Ask for a style."""
        if not style:
            raise UsageError("choose a --style")
        return Pipeline((), negative, label=style)

    assert verdicts(fog).keys() == {"pipeline"}
    assert "choose a --style" in verdicts(fog)["pipeline"].note
    assert_task_contract(fog, options={"style": "monet"})


def test_contract_of_an_installed_task_by_its_name():
    assert_task_contract("superres", options={"scale": 2})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["superres", "derain", "colorize", "translate"])
def test_our_own_tasks_keep_what_strangers_must(name):
    assert_task_contract(name, options={"style": "monet"} if name == "translate" else None)


def test_page_for_authors_names_every_law():
    page = Path(__file__).parents[2] / "docs" / "writing-a-plugin.md"
    rows = [line.split("|")[1] for line in page.read_text().splitlines() if line.startswith("| `")]
    named = {law for row in rows for law in re.findall(r"`(\w+)`", row)}
    assert {law.__name__ for law in LAWS} <= named
    assert {"loads", "import", "gives", "model", "pipeline", "models", "recipe"} <= named


IMPURE = {
    "import numpy": "loads numpy on import",
    "print('hello')": "prints on import: hello",
    "import os\nos.chdir('/')": "changes the working folder on import",
    "import os\nos.environ['A_FOG'] = '1'": "changes the environment on import",
    "import sys\nsys.path.append('fog')": "changes the search path on import",
    "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()": "changes threads",
    "import sys\nsys.exit()": "cannot be imported alone: it ends the process",
    "1 / 0": "cannot be imported alone: ZeroDivisionError",
    "def gantool_tasks():\n    import numpy\n    return []": "loads numpy on import",
}


@pytest.mark.parametrize(("source", "said"), IMPURE.items())
def test_import_that_does_more_is_told(source, said, tmp_path, monkeypatch):
    Path(tmp_path, "plug_fog.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match=said):
        purity.assert_pure("plug_fog")


def test_import_that_does_nothing_is_pure():
    before = dict(os.environ)
    purity.assert_pure("gantool_superres")
    assert dict(os.environ) == before
