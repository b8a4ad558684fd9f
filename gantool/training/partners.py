"""Pairs in two folders: which files belong together by their names."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.training.picture_files import sampled, size

if TYPE_CHECKING:
    from gantool.training.layouts import Layout

INPUTS = ("a", "input", "inputs", "in", "source", "src", "x", "before", "low", "lr")
TARGETS = ("b", "target", "targets", "out", "output", "y", "after", "high", "hr", "gt")
"""Names of folders that mostly hold the inputs and the targets of pairs."""


def partners(layout: "Layout") -> tuple[list[tuple[Path, Path]], list[Path]]:
    """The pairs of `A/` and `B/` in the order of their names, and the files that have no other."""
    ones, others = layout.parts["A"], layout.parts["B"]
    whole = {path.name for path in ones} == {path.name for path in others}
    a, b = ({path.name if whole else path.stem: path for path in side} for side in (ones, others))
    pairs = [(a[name], b[name]) for name in sorted(a.keys() & b.keys())]
    matched = {path for pair in pairs for path in pair}
    return pairs, [path for path in (*ones, *others) if path not in matched]


def matched(layout: "Layout") -> dict[str, list[Path]]:
    """A and B in one order. Raises UsageError for a lone half and a sampled pair of two sizes."""
    pairs, lonely = partners(layout)
    if lonely:
        there = "B" if lonely[0].parent.name == "A" else "A"
        raise UsageError(
            f"{lonely[0]}: no picture of that name in {there}/ ({len(lonely)} without the other "
            "half): add it, or take this one out"
        )
    for one, other in sampled(pairs):
        if (a := size(one)) != (b := size(other)):
            raise UsageError(
                f"{one}, {other}: a pair of {a[0]}×{a[1]} and {b[0]}×{b[1]}: "
                "both must have one size"
            )
    return {"A": [one for one, _ in pairs], "B": [other for _, other in pairs]}


def renames_to_pairs(layout: "Layout") -> str:
    """How to make pairs of two folders that look like them by their names; empty if they do not."""
    if layout.kind != "unpaired" or set(layout.parts) == {"A", "B"}:
        return ""
    one, other = sorted(layout.parts, key=lambda name: (name.lower() not in INPUTS, name))
    stems = [{path.stem for path in layout.parts[name]} for name in (one, other)]
    if stems[0] != stems[1] and not (one.lower() in INPUTS and other.lower() in TARGETS):
        return ""
    moves = [
        shlex.join(("mv", str(layout.root / name), str(layout.root / right)))
        for name, right in ((one, "A"), (other, "B"))
    ]
    return " && ".join(moves)
