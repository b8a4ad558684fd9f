"""The phases of a build, one after another; what is finished is not done again."""

import re
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builder import data_folders, processes
from builder.options import as_text, resolve_options
from builder.plan import Build, say
from builder.processes import GANTOOL
from builder.recipe_file import Phase, needed_files
from builder.state import Done, State
from gantool.errors import GantoolError, UsageError

PACE = re.compile(r" steps, ([\d.e+-]+) s each here")
"""In what `gantool train --dry-run` prints."""
MARGIN = 0.9
"""Share of the time that steps are chosen for: the pace of three steps is a guess."""


class CommandError(GantoolError):
    """A command of a phase ended with a code that is not 0."""


def check_begun(build: Build, state: State) -> None:
    """Raise UsageError where a phase was begun with something else than is asked for now."""
    for phase in build.recipe.phases:
        if phase.name not in state.phases:
            continue
        before, now = state.phases[phase.name].made, _definition(build, phase)
        changed = [key for key in now if now[key] != before.get(key)]
        if changed:
            key = changed[0]
            raise UsageError(
                f"{build.folder}: phase {phase.name} was begun with {key} = {before.get(key)!r}, "
                f"now it is {now[key]!r}: choose another -o, or remove that folder"
            )


def run_phases(build: Build, state: State) -> None:
    """Run all phases that are not finished. Raises CommandError."""
    every = build.recipe.phases
    for number, phase in enumerate(every, 1):
        done = state.phases.get(phase.name)
        title = f"phase {number} of {len(every)}, {phase.name}"
        if done and done.done:
            say(build, f"{title}: done before")
            continue
        state.phases.setdefault(phase.name, Done(_definition(build, phase)))
        began = time.monotonic()
        say(build, f"{title}: {phase.train or phase.run}")
        (_train if phase.train else _run)(build, phase, state)
        _export_for_others(build, phase)
        done = state.phases[phase.name]
        done.done, done.seconds = True, round(time.monotonic() - began, 1)
        state.write()


def _train(build: Build, phase: Phase, state: State) -> None:
    """Train from the start or from where it was, to the end of the phase or of its time."""
    done, run = state.phases[phase.name], build.run_of(phase.name)
    links = build.plan_data(phase.on)
    data_folders.write_links(build.folder / "data" / phase.on, links)
    done.made["data"] = data_folders.digest_links(links)
    allotted = _allot(build, phase, state)
    if allotted is not None and not phase.stop and not build.trial and newest_step(run) < 0:
        began = time.monotonic()
        done.steps = _fit_steps(build, phase, allotted)
        allotted -= time.monotonic() - began
    state.write()
    steps = done.steps or int(resolve_options(build.recipe, phase)["steps"])
    target = min(phase.stop or steps, steps)
    while (at := newest_step(run)) < target:
        limits = ["--max-steps", str(target - max(at, 0))] if target < steps else []
        if allotted is not None:
            limits += ["--max-time", f"{max(allotted, 1):.0f}s"]
        _call(phase, [*train_command(build, phase, done), "--no-export", *limits])
        if newest_step(run) <= at:
            raise CommandError(f"phase {phase.name}: no step further than {at}: see above")
        if allotted is not None:
            break
    done.step = newest_step(run)
    if done.step < target:
        say(build, f"{phase.name}: its time was over at step {done.step} of {target}")


def train_command(build: Build, phase: Phase, done: Done) -> list[str]:
    """Return `gantool train …` that begins this phase, or goes on with it."""
    recipe, run = build.recipe, build.run_of(phase.name)
    words = [*GANTOOL, "train", phase.train, str(build.folder / "data" / phase.on)]
    words += ["-o", str(run), "--preset", phase.preset, "--device", build.device]
    words += ["--seed", str(recipe.seed if phase.seed is None else phase.seed)]
    words += ["--precision", phase.precision or recipe.precision]
    options = dict(phase.options) | ({"steps": done.steps} if done.steps else {})
    for name, value in options.items():
        words += ["--set", f"{name}={build.fill(as_text(value))}"]
    if (run / "run.json").exists() and newest_step(run) >= 0:
        return [*words, "--resume"]
    shutil.rmtree(run, ignore_errors=True)  # nothing in it that could be gone on from
    return [*words, "--init", first_weights(build, phase)] if phase.init else words


def first_weights(build: Build, phase: Phase) -> str:
    """Return what `--init` is given: a run, a file of a phase, or a model from elsewhere."""
    names = [each.name for each in build.recipe.phases]
    if phase.init in names:
        return str(build.run_of(phase.init))
    name = phase.init.removesuffix(".onnx")
    return str(build.file_of(name)) if name in names else phase.init


def newest_step(run: Path) -> int:
    """Return the step of the newest checkpoint of a training run, -1 where there is none."""
    names = [path.name[5:] for path in run.glob("checkpoints/step_*")]
    return max((int(name) for name in names if name.isdecimal()), default=-1)


def _run(build: Build, phase: Phase, state: State) -> None:
    """Run a command from nothing: remove first what a kill has left of it."""
    build.file_of(phase.name).unlink(missing_ok=True)
    shutil.rmtree(build.run_of(phase.name), ignore_errors=True)
    build.run_of(phase.name).parent.mkdir(parents=True, exist_ok=True)
    words = processes.split_command(phase.run)
    _call(phase, [build.fill(word, phase.name) for word in words])


def _export_for_others(build: Build, phase: Phase) -> None:
    """Export a training that a later phase starts from."""
    wanted = {name for each in build.recipe.phases for name in needed_files(each, build.recipe)}
    if phase.train and phase.name in wanted:
        run, file = str(build.run_of(phase.name)), str(build.file_of(phase.name))
        _call(phase, [*GANTOOL, "export", run, "-o", file])


def _call(phase: Phase, words: Sequence[str]) -> None:
    """Run a command. Raises CommandError with its code."""
    code, _ = processes.run_command(words)
    if code:
        error = CommandError(
            f"phase {phase.name}: {shlex.join(words)} ended with code {code}: see above; "
            f"the build goes on here when you run it again"
        )
        error.exit_code = code if code > 0 else 128 - code
        raise error


def _allot(build: Build, phase: Phase, state: State) -> float | None:
    """Return the seconds of this phase: its share of what finished ones have left."""
    if build.seconds is None:
        return None
    finished = {name for name, each in state.phases.items() if each.done}
    spent = sum(state.phases[name].seconds for name in finished)
    to_come = sum(
        each.share for each in build.recipe.phases if each.train and each.name not in finished
    )
    return max(build.seconds - spent, 1.0) * phase.share / to_come


def _fit_steps(build: Build, phase: Phase, seconds: float) -> int:
    """Choose the steps that the time is enough for, at most those of the recipe file."""
    began = time.monotonic()
    steps = int(resolve_options(build.recipe, phase)["steps"])
    words = [*train_command(build, phase, Done({})), "--dry-run"]
    code, said = processes.run_command(words, capture=True)
    found = PACE.search(said)
    if code or not found:
        return 0
    setup = time.monotonic() - began
    fitting = int(MARGIN * (seconds - 2 * setup) / max(float(found[1]), 1e-6))
    chosen = max(1, min(steps, fitting))
    say(build, f"{phase.name}: {found[1]} s a step, {seconds:.0f} s: {chosen} of {steps} steps")
    return chosen


def _definition(build: Build, phase: Phase) -> dict[str, Any]:
    """Return everything that decides a phase's result, as JSON has it."""
    kept: Mapping[str, Any] = asdict(phase)
    made = {key: value for key, value in kept.items() if key != "share"}
    made["seed"] = build.recipe.seed if phase.seed is None else phase.seed
    made["precision"] = phase.precision or build.recipe.precision
    made["trial"] = build.trial
    if phase.train and not build.draws(phase):
        made["data"] = data_folders.digest_links(build.plan_data(phase.on))
    return made
