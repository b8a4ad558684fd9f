"""Laws of runs that are killed: what has its name is whole, and the end is as if nobody had."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from onnx import helper

import models
import trees
from gantool.runtime.contract import Contract

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SOON = 10
"""Seconds within which a signal ends a run."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return trees.plant(tmp_path_factory.mktemp("in"), 120, broken=2, large=True)


@pytest.fixture(scope="module")
def straight(nursery, model, inputs, tmp_path_factory):
    """The tree of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("straight")
    assert nursery.run("run", model, inputs, "-o", out, "--device", "cpu").wait() == 1
    tree = trees.content(out)
    assert len(tree) == 118
    return tree


def is_over(run) -> bool:
    """Whether the run had said its last word before a signal came."""
    return re.search(r"\d pictures? · ", run.err) is not None and "stopped" not in run.err


def check(run, out, straight, before, number) -> None:
    """What holds after any kill."""
    code, now = run.wait(SOON), trees.content(out)
    assert all(straight[name] == content for name, content in now.items())
    assert trees.hidden(out) == trees.asides(out)
    after = trees.identities(out)
    assert {name: after[name] for name in before} == before
    assert "Traceback" not in run.err
    assert "a bug" not in run.err
    if number in STOPS and not is_over(run):
        assert code == STOPS[number]
        assert run.err.splitlines()[-1] == "gantool: stopped"
    elif number in STOPS:
        assert code in (1, -number, STOPS[number])
    else:
        assert code in (1, -number)


@pytest.mark.slow
def test_two_hundred_kills_leave_nothing_half_done(
    nursery, model, inputs, straight, tmp_path, scale
):
    kills, drawn, out = max(20, round(200 * scale)), random.Random(0), tmp_path / "out"
    planted, slowest, ways, wholes = trees.untouched(inputs), 0.0, Counter(), 0
    while ways.total() < kills:
        number = drawn.choice([signal.SIGKILL, *STOPS])
        fresh = ways.total() % 8 == 0
        before = trees.identities(out)
        jobs = drawn.choice([1, 1, 2])
        words = ("run", model, inputs, "-o", out, "--device", "cpu", "--jobs", jobs)
        run = nursery.start(*words, fresh=fresh)
        if number in STOPS:
            assert run.listens()
        time.sleep(drawn.uniform(0, 0.9 if fresh else 0.5))
        run.kill(number)
        began = time.monotonic()
        check(run, out, straight, before, number)
        slowest = max(slowest, time.monotonic() - began)
        ways[f"{number.name}{' fresh' if fresh else ''} {run.wait()}"] += 1
        if len(trees.content(out)) == len(straight):
            assert nursery.run(*words).wait() == 1
            assert trees.content(out) == straight
            assert not trees.asides(out)
            assert trees.untouched(inputs) == planted
            shutil.rmtree(out)
            wholes += 1
    print(f"{kills} kills, {wholes} whole trees, slowest end {slowest:.2f} s, {dict(ways)}")
    assert nursery.run(*words).wait() == 1
    assert trees.content(out) == straight
    assert not trees.hidden(out)
    assert trees.untouched(inputs) == planted


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A model whose one call takes minutes."""
    blur = np.full((3, 3, 15, 15), 1 / 675, np.float32)
    names = ["x", *(f"v{number}" for number in range(400)), "y"]
    nodes = [
        helper.make_node("Conv", [before, "w"], [after], pads=[7] * 4)
        for before, after in zip(names, names[1:], strict=False)
    ]
    return models.save(tmp_path_factory.mktemp("endless") / "e.onnx", nodes, Contract("e"), w=blur)


@pytest.fixture
def stuck(nursery, endless, tmp_path):
    """A run within a call of onnxruntime that does not end."""
    source = trees.picture(tmp_path / "in" / "a.png", 0, (700, 700))
    words = ("run", endless, source, "-o", tmp_path / "out", "--device", "cpu", "--json")
    run = nursery.start(*words, "--tile", "off")
    for _ in range(2000):
        if "item.start" in run.out:
            break
        time.sleep(0.02)
    time.sleep(0.5)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_a_run_that_is_stuck_in_the_model(number, stuck, tmp_path):
    began = time.monotonic()
    stuck.kill(number)
    assert stuck.wait(SOON) == STOPS[number]
    print(f"{number.name}: {time.monotonic() - began:.2f} s")
    assert stuck.err.splitlines()[-1] == "gantool: stopped"
    assert "Traceback" not in stuck.err
    assert not trees.content(tmp_path / "out")
    assert not trees.hidden(tmp_path / "out")


@pytest.mark.slow
def test_the_second_signal_ends_it_at_once(stuck):
    stuck.kill(signal.SIGINT)
    time.sleep(0.3)
    began = time.monotonic()
    stuck.kill(signal.SIGINT)
    assert stuck.wait(SOON) == 130
    assert time.monotonic() - began < 1
    assert "stopped" in stuck.err.splitlines()[-1]
    assert "Traceback" not in stuck.err


@pytest.mark.slow
def test_a_signal_at_any_moment_of_the_start_ends_it(nursery, model, inputs, tmp_path, scale):
    moments, ends = max(20, round(200 * scale)), Counter()
    for moment in range(moments):
        number = list(STOPS)[moment % 2]
        out = tmp_path / f"{moment}"
        words = ("run", model, inputs, "-o", out, "--device", "cpu", "-q")
        run = nursery.start(*words, fresh=True)
        assert run.listens()
        time.sleep(0.3 * moment / moments)
        run.kill(number)
        assert run.wait(SOON) == STOPS[number], run.err
        lines = [line for line in run.err.splitlines() if not line.startswith("failed ")]
        assert lines == ["gantool: stopped"]
        ends["before the output" if not out.exists() else "after"] += 1
    print(dict(ends))


@pytest.mark.slow
@pytest.mark.parametrize("json", [[], ["--json"]])
def test_nobody_reads_on(json, model, inputs, straight, environment, nursery, tmp_path):
    out = tmp_path / "out"
    words = ["run", model, inputs, "-o", out, "--device", "cpu", *json]
    child = subprocess.Popen(
        [sys.executable, "-m", "gantool", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait(SOON) == 141
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    now = trees.content(out)
    assert len(now) < len(straight)
    assert all(straight[name] == content for name, content in now.items())
    assert not trees.asides(out)
    assert nursery.run(*words).wait() == 1
    assert trees.content(out) == straight


@pytest.mark.slow
def test_a_closed_stderr_keeps_no_signal_from_ending_it(endless, environment, tmp_path):
    """As in a terminal that was closed: there is nobody to tell."""
    source = trees.picture(tmp_path / "in" / "a.png", 0, (700, 700))
    words = ["run", endless, source, "-o", tmp_path / "out", "--device", "cpu", "--json"]
    child = subprocess.Popen(
        [sys.executable, "-m", "gantool", *map(str, words), "--tile", "off"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    while b"item.start" not in child.stdout.readline():
        assert child.poll() is None
    child.stderr.close()
    child.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    child.send_signal(signal.SIGTERM)
    try:
        assert child.wait(SOON) == 143
    finally:
        child.kill()
        child.stdout.close()
