"""Several pictures of one thing: under a divider or side by side, zoomed and moved together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool.reports.page import text
from gantool.reports.slider import data_uri

STYLE = Path(__file__).with_name("viewer.css").read_text(encoding="utf-8")
SCRIPT = Path(__file__).with_name("viewer.js").read_text(encoding="utf-8")
HELP = (
    ("Drag, or ← →", "move the divider"),
    ("+ − · double click · Ctrl and wheel · two fingers", "zoom, in all pictures at once"),
    ("Drag beside the divider · ↑ ↓ · Shift and ← →", "move within the pictures"),
    ("1 · 0", "a pixel for a pixel (100 %) · the whole picture"),
    ("S", "side by side, or under the divider"),
    ("X · N", "swap left and right · the next picture to the right"),
)
"""Keys and gestures, and what they do. Keys work where Tab has led to the pictures."""
_BUTTONS = (
    ("out", "−", "Zoom out"),
    ("in", "+", "Zoom in"),
    ("fit", "Fit", "Whole picture"),
    ("full", "100 %", "A pixel for a pixel"),
    ("swap", "⇄", "Swap left and right"),
    ("side", "Side by side", "All pictures beside one another"),
)


@dataclass(frozen=True)
class View:
    """One picture as it is shown: a JPEG file and the size of what is in it."""

    title: str
    jpeg: bytes
    width: int
    height: int


def viewer(views: Sequence[View], caption: str, *, label: str) -> str:
    """A figure of two pictures or more, of one shape; without scripts they stand side by side.

    `caption` is HTML; `label` is read to those who do not see.
    """
    largest = max(views, key=lambda view: view.width * view.height)
    shape = f"--ratio: {largest.width / largest.height:.5f}; --width: {largest.width}px"
    panes = "".join(map(_pane, views))
    return (
        f'<figure class="viewer">{_controls(views)}<div class="panes" style="{shape}" tabindex="0" '
        f'role="group" aria-label="{text(label)}: pictures, see keys below">{panes}</div>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def _pane(view: View) -> str:
    title = text(view.title)
    return (
        f'<div class="pane"><img width="{view.width}" height="{view.height}" draggable="false" '
        f'alt="{title}" src="{data_uri(view.jpeg)}"><span>{title}</span></div>'
    )


def _controls(views: Sequence[View]) -> str:
    """Hidden where no script could answer them."""
    selects = ""
    if len(views) > 2:
        options = "".join(
            f'<option value="{number}">{text(view.title)}</option>'
            for number, view in enumerate(views)
        )
        selects = "".join(
            f"<label>{side} <select>{options}</select></label>" for side in ("Left", "Right")
        )
    buttons = "".join(
        f'<button type="button" data-do="{act}" aria-label="{what}" title="{what}">{sign}</button>'
        for act, sign, what in _BUTTONS
    )
    divider = '<input type="range" min="0" max="100" step="any" value="50">'
    return (
        f'<div class="controls" hidden>{selects}<label>Divider {divider}</label>{buttons}'
        "<output></output></div>"
    )
