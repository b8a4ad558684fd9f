"""Pictures beside one another, and models on one picture, in a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gantool import __version__
from gantool.api.opening import load
from gantool.api.pairing import Scene, alone, paired, referred
from gantool.errors import ItemError, UsageError, ends_the_run, reason

if TYPE_CHECKING:
    from gantool.reports.compare_page import Pane
    from gantool.reports.sights import Bytes
    from gantool.runtime.session import Session

SHOWN = 24
"""Comparisons that a page shows at most, taken evenly from all."""
NAME = 60
"""Letters of what is compared, in the name of a page."""
ALIKE = 0.02
"""By how much the shapes, width over height, of pictures of one thing may differ."""
WINDOW = 11
"""Side of what the structural similarity looks at, pixels."""


@dataclass(frozen=True)
class Compared:
    """What came of a scene; `problem` says, in one line, why it is left out."""

    name: str
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Whose picture → measure → value; none without a reference."""
    problem: str = ""


@dataclass(frozen=True)
class Comparing:
    """A comparison that can start."""

    scenes: tuple[Scene, ...]
    sessions: Mapping[str, Session]
    """By what their results are titled."""
    left_out: int
    """Pictures of folders that have no partner in the others."""
    page: Path

    def run(self, typed: str) -> Iterator[Compared]:
        """Scene by scene; then the page is there. Raises OutputError."""
        from gantool.reports import compare_page

        drawn = _evenly(len(self.scenes), SHOWN)
        done: list[Compared] = []
        figures: list[str] = []
        for number, scene in enumerate(self.scenes):
            try:
                panes = self._panes(scene)
                found = Compared(scene.name, _scores(panes, scene.reference))
                if number in drawn or not figures:
                    figures.append(compare_page.figure(scene.name, panes))
            except Exception as error:  # a picture, or a model on it
                if ends_the_run(error):
                    raise
                found = Compared(scene.name, problem=reason(scene.name, error))
            done.append(found)
            yield found
        if not figures:
            return
        comparison = compare_page.Comparison(
            title=" · ".join(dict.fromkeys(self._titles())),
            command=typed,
            figures=figures,
            of=sum(not each.problem for each in done),
            means=means(done),
            rows=[(each.name, each.scores) for each in done if each.scores],
            problems=[each.problem for each in done if each.problem],
            details=self._details(),
        )
        compare_page.write(self.page, comparison)

    def _panes(self, scene: Scene) -> list[Pane]:
        """The pictures of a scene. Raises ItemError."""
        from gantool.media.video.kinds import is_film
        from gantool.reports.compare_page import Pane
        from gantool.reports.sights import THIRD, shown

        share = THIRD if all(is_film(path) for path in scene.paths) else 0.0
        panes = [
            Pane(title, shown(path, share))
            for path, title in zip(scene.paths, scene.titles, strict=True)
        ]
        given = panes[0].frame
        panes += [
            Pane(title, cast("Bytes", session(given))) for title, session in self.sessions.items()
        ]
        for pane in panes[1:]:
            _check_shape(pane.title, pane.frame, given)
        return panes

    def _titles(self) -> list[str]:
        names = [self.scenes[0].name] if len(self.scenes) == 1 else []
        return [*names, *self.sessions] if self.sessions else list(self.scenes[0].titles)

    def _details(self) -> dict[str, str]:
        models = {f"model {name}": each.sha256 for name, each in self.sessions.items()}
        date = time.strftime("%Y-%m-%d %H:%M")
        return {**models, "gantool": __version__, "date": date}


def compare(
    inputs: Sequence[str],
    *,
    models: Sequence[str] = (),
    reference: Path | None = None,
    output: Path | None = None,
    device: str = "auto",
    accept_licence: str | None = None,
) -> Comparing:
    """Files or folders of one thing beside one another; with `models`, each beside their results.

    Raises UsageError for what cannot be compared, NoPictureError where no names agree, ModelError.
    """
    from gantool.reports import run_page

    paths = [Path(each) for each in inputs]
    for path in [*paths, *([reference] if reference else [])]:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    if models:
        scenes, left_out = alone(paths), 0
    elif len(paths) < 2:
        raise UsageError("compare takes two pictures or folders, or one and --models a,b")
    else:
        scenes, left_out = paired(paths)
    page = output or _page(paths)
    run_page.check(page, "-o")
    sessions = {
        name: load(name, device=device, accept_licence=accept_licence)
        for name in dict.fromkeys(models)
    }
    return Comparing(tuple(referred(scenes, reference)), sessions, left_out, page)


def _page(paths: Sequence[Path]) -> Path:
    names = dict.fromkeys(path.resolve().stem for path in paths)
    return Path(f"compare-{'-'.join(names)[:NAME]}.html")


def means(done: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """Over those that were measured by the same measures of the same pictures."""
    measured = [each.scores for each in done if each.scores]
    if not measured:
        return {}
    return {
        whose: {
            name: sum(scores[whose][name] for scores in measured) / len(measured)
            for name in measured[0][whose]
        }
        for whose in measured[0]
    }


def _scores(panes: Sequence[Pane], reference: Path | None) -> dict[str, dict[str, float]]:
    """Measures of each, brought to the size of the reference. Raises ItemError."""
    from gantool.reports.sights import shown
    from gantool.training import degrade, metrics

    if reference is None:
        return {}
    target = shown(reference, 0.0)
    height, width = target.shape[:2]
    if min(height, width) < WINDOW:
        raise ItemError(f"{reference}: too small, {WINDOW} pixels a side are needed to measure")
    measures: dict[str, Callable[[Bytes, Bytes], float]] = {
        "psnr_rgb": metrics.psnr_rgb,
        "ssim_rgb": metrics.ssim_rgb,
        "l1": metrics.l1,
    }
    found = {}
    for pane in panes:
        _check_shape(pane.title, pane.frame, target)
        frame = degrade.resize(pane.frame, height, width)
        found[pane.title] = {name: measure(frame, target) for name, measure in measures.items()}
    return found


def _check_shape(title: str, frame: Bytes, other: Bytes) -> None:
    """Raises ItemError where they cannot show one thing."""
    (height, width), (high, wide) = frame.shape[:2], other.shape[:2]
    if abs(width * high - wide * height) > ALIKE * wide * height + max(high, wide):
        raise ItemError(f"{title} is {width}×{height}, another shape than {wide}×{high}")


def _evenly(count: int, most: int) -> set[int]:
    """So many of the first numbers at most, evenly."""
    some = min(count, most)
    return {number * count // some for number in range(some)}
