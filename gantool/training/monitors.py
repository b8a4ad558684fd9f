"""What goes wrong with GANs, noticed: pure looks at results, and a watch over the losses.

| event | what is seen |
|---|---|
| `collapse` | results differ from each other less than a tenth as much as the targets do |
| `drift` | a channel's mean is off that of the targets by more than their half deviation |
| `unchanged` | a translation is nearer to its input than a tenth of the way to go |
| `won` | the discriminator's loss has been near zero for long: the generator learns little |
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

import torch
from torch import Tensor

FAILURES = frozenset(("collapse", "drift", "unchanged"))
"""Events of a generator that goes nowhere, for which a run can be stopped."""
COLLAPSED, DRIFTED, UNCHANGED, WON = 0.1, 0.5, 0.1, 0.05
Seen: TypeAlias = tuple[str, str]
"""An event by its kind and what it is about."""
START = 20
"""Steps whose discriminator losses are taken for those of chance."""
LONG = 500
"""Steps that a discriminator must have won for to be named."""


@dataclass(frozen=True)
class Event:
    """Something that the user should know; `text` says what and what to do."""

    kind: str
    text: str
    about: str = ""
    """Which of several things of a kind it is."""


def look(columns: Mapping[str, Tensor]) -> Iterator[Event]:
    """The events to be seen in results, N×C×… as `System.preview` gives them.

    `target` may be paired with `input` or not; N should be 8 or more.
    """
    for title, result in columns.items():
        if not title.startswith("result"):
            continue
        way = title.removeprefix("result")
        target = columns.get(f"target{way}")
        if target is not None:
            yield from _collapse(result.float(), target.float(), way)
            yield from _drift(result.float(), target.float(), way)
        given = columns.get(f"input{way}")
        if given is not None and given.shape == result.shape:
            yield from _unchanged(given.float(), result.float(), target, way)


def distance(columns: Mapping[str, Tensor]) -> float | None:
    """Mean |result − target| where they are paired and of one shape: what `best` goes by.

    A system of two directions has no pairs.
    """
    result, target = columns.get("result"), columns.get("target")
    if result is None or target is None or result.shape != target.shape:
        return None
    if sum(title.startswith("result") for title in columns) > 1:
        return None
    mean = float((result.float() - target.float()).abs().mean())
    return mean if math.isfinite(mean) else None


@dataclass
class Watch:
    """What has been seen over a session; tells each event once, at the moment it is certain."""

    first: dict[str, list[float]] = field(default_factory=dict)
    low: dict[str, int] = field(default_factory=dict)
    before: frozenset[Seen] = frozenset()
    told: set[Seen] = field(default_factory=set)

    def looked(self, events: Iterable[Event]) -> list[Event]:
        """Those of a look that the look before has seen too, and that are not told yet."""
        seen = {(event.kind, event.about): event for event in events}
        self.told &= seen.keys()
        certain = {key: seen[key] for key in seen if key in self.before - self.told}
        self.told |= certain.keys()
        self.before = frozenset(seen)
        return list(certain.values())

    def losses(self, terms: Mapping[str, float]) -> list[Event]:
        """After every step, its loss terms by `phase/term`."""
        names = [name for name in terms if name.startswith("discriminator")]
        return [event for name in names for event in self._won(name, terms[name])]

    def _won(self, name: str, value: float) -> Iterator[Event]:
        start = self.first.setdefault(name, [])
        if len(start) < START:
            start.append(value)
            return
        self.low[name] = self.low.get(name, 0) + 1 if 0 <= value < WON * median(start) else 0
        if self.low[name] == LONG:
            yield Event(
                "won",
                f"the discriminator has won: {name} is below {WON:.0%} of its start since {LONG} "
                "steps: lower its rate, smooth its targets, or give more pictures",
            )


def _collapse(result: Tensor, target: Tensor, way: str) -> Iterator[Event]:
    ours, theirs = _spread(result), _spread(target)
    if ours < COLLAPSED * theirs:
        share = ours / theirs
        yield Event(
            "collapse",
            f"collapse: result{way} differ from each other {share:.0%} as much as the targets: "
            "all inputs give nearly one picture; start again with a lower rate or a penalty",
            way,
        )


def _drift(result: Tensor, target: Tensor, way: str) -> Iterator[Event]:
    """Beyond what the means of so few samples differ by chance: twice their standard error."""
    ours, theirs = _means(result), _means(target)
    error = ((ours.var(0) + theirs.var(0)) / len(ours)).sqrt()
    deviation = target.transpose(0, 1).flatten(1).std(1).clamp_min(1e-6)
    off = ((ours.mean(0) - theirs.mean(0)).abs() - 2 * error) / deviation
    if off.max() > DRIFTED:
        yield Event(
            "drift",
            f"drift: channel {int(off.argmax())} of result{way} is off the targets' mean by "
            f"{off.max():.1f} of their deviation: the colours move away",
            way,
        )


def _unchanged(given: Tensor, result: Tensor, target: Tensor | None, way: str) -> Iterator[Event]:
    """Against the way to go; where the target is no pair of the input, that is longer still."""
    if target is None or target.shape != given.shape:
        return
    gone, to_go = (result - given).abs().mean(), (target.float() - given).abs().mean()
    if gone < UNCHANGED * to_go:
        yield Event(
            "unchanged",
            f"unchanged: result{way} has moved {gone / to_go:.0%} of the way from the input: "
            "the translator does nothing; lower the weight of cycle or identity",
            way,
        )


def _means(samples: Tensor) -> Tensor:
    """N×C: the mean of each channel of each sample."""
    return samples.reshape(*samples.shape[:2], -1).mean(2)


def _spread(samples: Tensor) -> float:
    """Mean deviation of a value over the samples."""
    return float(torch.var(samples, dim=0, unbiased=False).sqrt().mean())
