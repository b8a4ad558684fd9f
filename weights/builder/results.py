"""What a build ends with: the model file, gates, figures; as JSON and as Markdown."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

from builder import data_folders, processes
from builder.phases import CommandError
from builder.plan import Build, say
from builder.state import State
from gantool import atomic

SHOWN = 2000
"""Characters of what a gate printed that the report keeps."""


def export_model(build: Build, state: State) -> str:
    """Make RUN/NAME.onnx of the last phase, unless it is there; return its sha256."""
    recipe, last = build.recipe, build.recipe.phases[-1]
    facts = {"name": recipe.model.split("/")[-1], "licence": recipe.licence, "data": recipe.data}
    had = state.model
    if had and all(had[key] == facts[key] for key in facts) and _digest(build) == had["sha256"]:
        say(build, "export: done before")
        return had["sha256"]
    say(build, "export")
    if last.train:
        words = ["export", str(build.run_of(last.name)), "-o", str(build.model)]
        words += [word for key, value in facts.items() for word in (f"--{key}", value)]
        code, _ = processes.run_command([*processes.GANTOOL, *words])
        if code:
            raise CommandError(f"{build.model}: gantool export ended with code {code}")
    else:
        atomic.write_bytes(build.model, build.file_of(last.name).read_bytes())
    sha256 = _digest(build)
    state.model = {**facts, "sha256": sha256}
    state.write()
    return sha256


def measure(build: Build, state: State) -> bool:
    """Run gates and figures that were not run on this very file; whether all gates hold."""
    sha256 = state.model["sha256"]
    for name in build.recipe.folders:  # also those that are only measured on
        data_folders.write_links(build.folder / "data" / name, build.plan_data(name))
    for kind, _, text in _asked(build):
        key = f"{sha256} {text}"
        if key in state.checks and (kind == "figure" or state.checks[key]["passed"]):
            continue
        say(build, f"{kind}: {text}")
        began = time.monotonic()
        command = [build.fill(word) for word in processes.split_command(text)]
        code, said = processes.run_command(command, capture=True)
        seconds = round(time.monotonic() - began, 1)
        state.checks[key] = {"passed": code == 0, "seconds": seconds, "said": said}
        state.write()
    gates = [state.checks[f"{sha256} {text}"]["passed"] for text in build.recipe.gates]
    return all(gates)


def report(build: Build, state: State) -> dict[str, Any]:
    """Write RUN/NAME.json and RUN/NAME.md; return what the first has."""
    sha256 = state.model["sha256"]
    checks = {
        (kind, name): state.checks[f"{sha256} {text}"]
        for kind, name, text in _asked(build)
        if f"{sha256} {text}" in state.checks
    }
    said = {
        "model": build.recipe.model,
        "file": build.model.name,
        "bytes": build.model.stat().st_size,
        "sha256": sha256,
        "licence": build.recipe.licence,
        "data": build.recipe.data,
        "phases": {
            name: {"steps": each.step, "seconds": each.seconds}
            for name, each in state.phases.items()
        },
        "gates": {
            name: {"passed": each["passed"], "said": each["said"]}
            for (kind, name), each in checks.items()
            if kind == "gate"
        },
        "figures": {
            name: _parsed(each["said"]) if each["passed"] else {"metrics": "failed: see above"}
            for (kind, name), each in checks.items()
            if kind == "figure"
        },
    }
    atomic.write_text(build.model.with_suffix(".json"), json.dumps(said, indent=1) + "\n")
    atomic.write_text(build.model.with_suffix(".md"), "\n".join(markdown(said)) + "\n")
    return said


def markdown(said: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the card's part that a program can write."""
    yield f"## `{said['model']}`"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| file | `{said['file']}`, {said['bytes'] / 1e6:.2f} MB |"
    yield f"| sha256 | `{said['sha256']}` |"
    yield f"| licence | {said['licence']} |"
    for name, each in said["phases"].items():
        steps = f"{each['steps']:,} steps, " if each["steps"] else ""
        yield f"| phase `{name}` | {steps}{each['seconds']:.0f} s |"
    for name, each in said["gates"].items():
        yield f"| gate `{name}` | {'passed' if each['passed'] else '**missed**'} |"
    texts = {name: each for name, each in said["figures"].items() if isinstance(each, str)}
    for name, figures in said["figures"].items():
        if name not in texts:
            told = figures.get("metrics", figures) if isinstance(figures, dict) else figures
            yield f"| {name} | {_in_a_cell(told)} |"
    for name, text in texts.items():
        yield from ("", f"{name}:", "", *(f"    {line}" for line in text.splitlines()))


def _asked(build: Build) -> Iterator[tuple[str, str, str]]:
    """Gates by their command, figures by their name: kind, name, command."""
    yield from (("gate", text, text) for text in build.recipe.gates)
    yield from (("figure", name, text) for name, text in build.recipe.figures.items())


def _parsed(text: str) -> Any:
    """What a command printed: JSON where it is that, else its end."""
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()[-SHOWN:]


def _in_a_cell(figures: Any) -> str:
    if isinstance(figures, dict):
        return " · ".join(f"{key} {_in_a_cell(value)}" for key, value in figures.items())
    if isinstance(figures, list):
        return ", ".join(map(_in_a_cell, figures))
    text = f"{figures:.4g}" if isinstance(figures, float) else str(figures)
    return " ".join(text.split()).replace("|", "\\|")


def _digest(build: Build) -> str:
    """The sha256 of the model file, "" where there is none."""
    if not build.model.is_file():
        return ""
    return hashlib.sha256(build.model.read_bytes()).hexdigest()
