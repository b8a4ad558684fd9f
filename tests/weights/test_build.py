"""Laws of a build: killed anywhere it ends with the same model file; nothing is done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from builder import phases, processes
from builder.building import build_model
from builder.plan import Build
from builder.recipe_file import read_recipe
from builder.state import Done, State
from gantool.errors import GantoolError, UsageError

SCRIPT = Path(__file__).parent.parent.parent / "weights" / "build.py"
MODEL = "tiny.onnx"


def start(recipe: Path, run: Path, *more: str) -> subprocess.Popen:
    data = recipe.parent / "data"
    command = [sys.executable, SCRIPT, recipe, "--data", data, "-o", run, "--device", "cpu", *more]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=env)


def build(recipe: Path, run: Path, *more: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of the command, run to its end."""
    process = start(recipe, run, *more)
    out, err = process.communicate()
    return process.returncode, out, err


def begun(run: Path, file: Path, *, process: subprocess.Popen) -> None:
    """Wait until the build has written this."""
    while not (run / file).exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


@pytest.mark.slow
def test_a_build_killed_in_its_second_phase_ends_with_the_same_file(
    pictures, recipe_file, tmp_path
):
    recipe, straight, killed = recipe_file(), tmp_path / "straight", tmp_path / "killed"
    code, out, err = build(recipe, straight)
    assert code == 0, err
    process = start(recipe, killed)
    begun(killed, Path("phases/sharp/metrics.jsonl"), process=process)
    process.kill()
    process.communicate()
    assert not (killed / MODEL).exists()
    code, again, err = build(recipe, killed)
    assert code == 0, err
    assert "phase 1 of 2, warm: done before" in err
    assert (killed / MODEL).read_bytes() == (straight / MODEL).read_bytes()
    said = json.loads((straight / "tiny.json").read_text())
    assert {name: each["steps"] for name, each in said["phases"].items()} == {
        "warm": 4,
        "sharp": 60,
    }
    assert said["figures"] == {"two": {"sides": 2}}
    assert all(each["passed"] for each in said["gates"].values())
    assert said["sha256"] in out
    assert said["sha256"] in again


@pytest.fixture
def command_build(command_file, pictures, tmp_path):
    """A build of phases that are commands."""

    def make(*runs: str, gates: tuple[str, ...] = ()) -> Build:
        recipe = read_recipe(command_file(*runs, gates=gates))
        return Build(recipe, pictures, tmp_path / "run", device="cpu")

    return make


def test_commands_make_the_model_of_each_other_and_nothing_is_done_twice(command_build, capfd):
    build = command_build("cp {data}/one/0.png {output}", "cp {p0} {output}")
    assert build_model(build) == 0
    assert build.model.read_bytes() == (build.data / "one" / "0.png").read_bytes()
    build.file_of("p1").unlink()
    capfd.readouterr()
    assert build_model(build) == 0
    assert not build.file_of("p1").exists()
    assert capfd.readouterr().err.count("done before") == 3


def test_a_failed_command_stops_there_and_goes_on_there(command_build, capfd):
    make = "sh -c 'test -e {data}/go && cp {p0} {output}'"
    build = command_build("cp {data}/one/0.png {output}", make)
    with pytest.raises(phases.CommandError, match="phase p1: sh -c .* ended with code 1") as failed:
        build_model(build)
    assert "\n" not in str(failed.value)
    (build.data / "go").touch()
    capfd.readouterr()
    assert build_model(build) == 0
    assert "p0: done before" in capfd.readouterr().err


def test_what_a_killed_command_has_left_is_removed(command_build):
    build = command_build("sh -c 'test ! -e {output} && test ! -e {folder} && touch {output}'")
    build.run_of("p0").mkdir(parents=True)
    build.file_of("p0").touch()
    assert build_model(build) == 0


def test_a_changed_phase_is_refused_and_other_changes_are_not(command_build, command_file):
    assert build_model(command_build("touch {output}")) == 0
    with pytest.raises(UsageError, match="phase p0 was begun with run = 'touch {output}', now it"):
        build_model(command_build("cp {data}/one/0.png {output}"))
    assert build_model(command_build("touch {output}", gates=("true",))) == 0


@pytest.mark.parametrize("gone", ["one/0.png", "two/1.png"])
def test_other_data_are_refused_once_a_training_has_begun(recipe_file, pictures, tmp_path, gone):
    build = Build(read_recipe(recipe_file()), pictures, tmp_path / "run")
    state = State(build.folder, {"warm": Done(phases._definition(build, build.recipe.phases[0]))})
    phases.check_begun(build, state)
    (pictures / gone).unlink()
    with pytest.raises(UsageError, match="phase warm was begun with data = "):
        phases.check_begun(build, state)


def test_a_missed_gate_is_told_and_asked_again(command_build, capfd):
    build = command_build("touch {output}", gates=("true", "sh -c 'echo dots; test -e {run}/ok'"))
    assert build_model(build) == 1
    said = json.loads(build.model.with_suffix(".json").read_text())
    assert [each["passed"] for each in said["gates"].values()] == [True, False]
    assert list(said["gates"].values())[1]["said"] == "dots\n"
    assert "**missed**" in capfd.readouterr().out
    (build.folder / "ok").touch()
    assert build_model(build) == 0
    assert capfd.readouterr().err.count("gate: ") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("superres-fidelity", "superres-fidelit", "no recipe superres-fidelit: did you mean"),
        ("scale = 2", "scales = 2", "no option scales in this recipe: did you mean scale?"),
        ("scale = 2", "scale = 0", "scale=0: must be a whole number from 1"),
        ('"two"', '"three"', "data folder photos: no picture in .*three"),
        ('init = "warm"', 'init = "superres/photo-x5"', 'no model "superres/photo-x5"'),
        ('init = "warm"', 'preset = "slow"', "there are tiny, fast, full"),
        ("python -c", "benchmarks/none.py", "benchmarks/none.py: no such script"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_starts(
    recipe_file, pictures, tmp_path, old, new, said
):
    build = Build(read_recipe(recipe_file((old, new))), pictures, tmp_path / "run")
    with pytest.raises(GantoolError, match=said) as refused:
        build_model(build)
    assert "\n" not in str(refused.value)
    assert not build.folder.exists()


def test_a_feature_network_that_is_not_installed_is_refused(recipe_file, pictures, tmp_path):
    text = recipe_file().read_text().replace("superres-fidelity", "paint")
    head, phase = text[: text.index("[[phases]]")], text[text.index("[[phases]]") :]
    options = "options = { features = 'nowhere.pth' }"
    path = tmp_path / "tiny.toml"
    phase = phase[: phase.index("[[phases]]", 5)]
    path.write_text(head + phase[: phase.index("options")] + options)
    with pytest.raises(GantoolError, match="phase warm: nowhere.pth: no such file"):
        build_model(Build(read_recipe(path), pictures, tmp_path / "run"))


def test_data_that_are_missing_are_refused(recipe_file, pictures, tmp_path):
    code, out, err = build(recipe_file(), tmp_path / "run", "--data", str(tmp_path / "no"))
    assert (code, out) == (2, "")
    assert err == f"build: --data {tmp_path / 'no'}: no such folder\n"


def test_one_build_at_a_time_works_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    with (
        processes.locked(tmp_path),
        pytest.raises(UsageError, match="another build works here"),
        processes.locked(tmp_path),
    ):
        pass
    with processes.locked(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_with_its_build(command_file, pictures, tmp_path, number):
    """And until it has ended, it holds the folder: SIGTERM gives a training time to save."""
    save = 'trap "sleep 0.3; touch {data}/saved; exit 3" TERM'
    loop = "i=0; while [ $i -lt 600 ]; do i=$((i+1)); sleep 0.05; done"
    wait = f"sh -c '{save}; touch {{data}}/up; {loop}'"
    run = tmp_path / "run"
    process = start(command_file(wait), run)
    begun(pictures, Path("up"), process=process)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -number)
    with processes.locked(run):
        assert (pictures / "saved").exists()


def test_time_is_shared_by_the_trainings_that_are_left(recipe_file, pictures, tmp_path):
    recipe = read_recipe(recipe_file(('init = "warm"', 'init = "warm"\nshare = 3')))
    warm, sharp = recipe.phases
    build, state = Build(recipe, pictures, tmp_path, seconds=80.0), State(tmp_path)
    assert phases._allot(build, warm, state) == 20
    state.phases["warm"] = Done({}, seconds=30.0, done=True)
    assert phases._allot(build, sharp, state) == 50
    assert phases._allot(Build(recipe, pictures, tmp_path), sharp, state) is None


@pytest.mark.slow
def test_steps_are_chosen_by_the_time_and_kept(recipe_file, tmp_path, pictures):
    one = ("steps = 6,", "steps = 100000000,"), ("stop = 4", "stop = 0")
    text = recipe_file(*one).read_text()
    tail = text.index("[[phases]]", text.index("[[phases]]") + 5)
    (tmp_path / "tiny.toml").write_text(text[:tail])
    code, _, err = build(
        tmp_path / "tiny.toml", tmp_path / "run", "--max-time", "40s", "--no-gates"
    )
    assert code == 0, err
    done = State.read(tmp_path / "run").phases["warm"]
    assert 1 <= done.step <= done.steps < 100_000_000
    assert (tmp_path / "run" / MODEL).is_file()
