"""The page of a comparison: pictures of one thing in one viewer, and what measures say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gantool import atomic
from gantool.reports.page import page, table, text
from gantool.reports.sights import Bytes, jpeg, span
from gantool.reports.viewer import HELP, SCRIPT, STYLE, View, viewer

SIDE = 2000
"""Longest side of a whole picture; of larger ones the middle is shown in its own pixels, too."""
MIDDLE = (700, 1100)
"""Height and width of that."""
QUALITY = 92
HIGHER = ("psnr", "ssim")
"""How names of measures begin of which more is better."""

Scores = Mapping[str, Mapping[str, float]]
"""Whose picture → measure → value."""


@dataclass(frozen=True)
class Pane:
    """One of the pictures that are compared, H×W×3 uint8."""

    title: str
    frame: Bytes


@dataclass(frozen=True)
class Comparison:
    """All that there is to tell."""

    title: str
    command: str
    """As it was typed."""
    figures: Sequence[str]
    """As `figure` makes them."""
    of: int
    """How many there would be."""
    means: Scores = field(default_factory=dict)
    """Over all pictures."""
    rows: Sequence[tuple[str, Scores]] = ()
    """The same of each picture, with its name."""
    problems: Sequence[str] = ()
    details: Mapping[str, str] = field(default_factory=dict)


def figure(name: str, panes: Sequence[Pane]) -> str:
    """The viewer of one comparison; of large pictures the middle at 100 % below it."""
    height, width = max(
        (pane.frame.shape[:2] for pane in panes), key=lambda size: size[0] * size[1]
    )
    sizes = " · ".join(
        f"{text(pane.title)} {pane.frame.shape[1]}×{pane.frame.shape[0]}" for pane in panes
    )
    large = max(height, width) > SIDE
    sizes += f" · here at most {SIDE} pixels a side" if large else ""
    caption = f'<strong>{text(name)}</strong><br><span class="soft">{sizes}</span>'
    whole = viewer([_view(pane, SIDE) for pane in panes], caption, label=name)
    if not large:
        return whole
    part = [Pane(pane.title, _middle(pane.frame, height, width)) for pane in panes]
    said = f'<span class="soft">{text(name)}, the middle in its own pixels</span>'
    return whole + viewer([_view(pane, SIDE) for pane in part], said, label=f"{name}, the middle")


def write(path: Path, comparison: Comparison) -> None:
    """Write the page to one file that needs no other. Raises OutputError."""
    atomic.make_folder(path.parent)
    with atomic.replacing(path) as file:
        for part in page(comparison.title, _body(comparison), style=STYLE, script=SCRIPT):
            file.write(part.encode("utf-8", "backslashreplace"))


def _body(comparison: Comparison) -> Iterator[str]:
    yield f"<h1>{text(comparison.title)}</h1>\n"
    yield f'<p class="soft"><code>{text(comparison.command)}</code></p>\n'
    if comparison.problems:
        yield f'<h2 class="bad">{len(comparison.problems)} left out</h2>\n'
        yield from table(("why",), ((each,) for each in comparison.problems))
    if comparison.means:
        yield "<h2>Against the reference</h2>\n"
        yield '<p class="soft">Each picture is brought to the size of its reference.</p>\n'
        yield from _measures(comparison.means)
    count, of = len(comparison.figures), comparison.of
    part = "" if count == of else f' <span class="soft">{count} of {of}</span>'
    yield f"<h2>Pictures{part}</h2>\n"
    yield from _help()
    yield from comparison.figures
    if len(comparison.rows) > 1:
        yield "<h2>Picture by picture</h2>\n<details><summary>In tables</summary>\n"
        for name, scores in comparison.rows:
            yield f"<p><strong>{text(name)}</strong></p>\n"
            yield from _measures(scores)
        yield "</details>\n"
    yield "<h2>How</h2>\n<dl>\n"
    for key, value in comparison.details.items():
        yield f"<dt>{text(key)}</dt><dd>{text(value)}</dd>\n"
    yield "</dl>\n"


def _help() -> Iterator[str]:
    yield "<details><summary>Keys and gestures</summary>\n<dl>\n"
    for keys, what in HELP:
        yield f"<dt>{text(keys)}</dt><dd>{text(what)}</dd>\n"
    yield "</dl>\n</details>\n"


def _measures(scores: Scores) -> Iterator[str]:
    """A row for each picture; the best value of a column is bold."""
    names = list(dict.fromkeys(name for each in scores.values() for name in each))
    heads = "".join(f"<th>{text(name)} {'↑' if _is_higher(name) else '↓'}</th>" for name in names)
    yield f'<div class="scroll"><table>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n'
    best = {name: _best(name, [each[name] for each in scores.values()]) for name in names}
    for whose, each in scores.items():
        cells = "".join(
            f"<td{' class=best' if each[name] == best[name] else ''}>{each[name]:#.4g}</td>"
            for name in names
        )
        yield f"<tr><td>{text(whose)}</td>{cells}</tr>\n"
    yield "</tbody>\n</table></div>\n"


def _best(name: str, values: Sequence[float]) -> float:
    return max(values) if _is_higher(name) else min(values)


def _is_higher(name: str) -> bool:
    return name.startswith(HIGHER)


def _view(pane: Pane, most: int) -> View:
    height, width = pane.frame.shape[:2]
    factor = min(1.0, most / max(height, width))
    height, width = max(round(height * factor), 1), max(round(width * factor), 1)
    return View(pane.title, jpeg(pane.frame, height, width, quality=QUALITY), width, height)


def _middle(frame: Bytes, height: int, width: int) -> Bytes:
    """What lies in the middle of a picture of height×width, in this one's own pixels."""
    spans = []
    for whole, most, side in zip((height, width), MIDDLE, frame.shape[:2], strict=True):
        part, scale = min(most, whole), side / whole
        spans.append(span((whole - part) / 2 * scale, part * scale, side))
    return frame[spans[0], spans[1]]
