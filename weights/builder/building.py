"""From a plan to a model: checks, phases, export, gates, figures."""

from builder import checks, phases, processes, results
from builder.plan import Build, say
from builder.state import State

MISSED = 1
"""Exit code where the model is there and a gate is missed."""


def build_model(build: Build, *, measured: bool = True) -> int:
    """Do all that is not done yet. Raises GantoolError."""
    checks.check_build(build, measured=measured)
    with processes.locked(build.folder):
        state = State.read(build.folder)
        phases.check_begun(build, state)
        phases.run_phases(build, state)
        results.export_model(build, state)
        passed = not measured or results.measure(build, state)
        print("\n".join(results.markdown(results.report(build, state))))
    say(build, f"{build.model}" if passed else f"{build.model}: misses a gate")
    return 0 if passed or build.trial else MISSED
