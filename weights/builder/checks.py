"""All that can be refused before anything starts, against what is installed."""

import shlex

from builder.options import resolve_options
from builder.plan import Build
from builder.processes import ROOT
from builder.recipe_file import Phase
from gantool.api.installed import recipe as function_of
from gantool.errors import GantoolError, UsageError


def check_build(build: Build, *, measured: bool = True) -> None:
    """Raise GantoolError, one line, for what would stop the build later.

    Gates and figures count where it is `measured` too.
    """
    if not build.data.is_dir():
        raise UsageError(f"--data {build.data}: no such folder")
    for phase in build.recipe.phases:
        try:
            _check_phase(build, phase)
        except GantoolError as error:
            raise type(error)(f"phase {phase.name}: {error}") from error
    for text in (*build.recipe.gates, *build.recipe.figures.values()) if measured else ():
        script = ROOT / shlex.split(text)[0]
        if script.suffix == ".py" and not script.is_file():
            raise UsageError(f"{script.relative_to(ROOT)}: no such script, for «{text}»")


def _check_phase(build: Build, phase: Phase) -> None:
    if not phase.train:
        return
    values = resolve_options(build.recipe, phase)
    del values["steps"]
    if not any("{" in str(value) for value in values.values()):  # no file that is not there yet
        function_of(phase.train)[0](**values)  # refuses values, and features not installed
    if not build.draws(phase):
        build.plan_data(phase.on)
