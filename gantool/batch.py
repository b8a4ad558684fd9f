"""The plan of a run: which items there are to do, and who does them. See `manifest` for the how.

Under `auto` a result is made where it is missing or its input has changed; one that other options
made, or not gantool, is never replaced.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from gantool import __version__, atomic
from gantool.errors import ItemError, UsageError
from gantool.manifest import Claim, File, Manifest, Record
from gantool.media.places import Item, named
from gantool.media.video import numbered
from gantool.media.video.kinds import is_numbered
from gantool.outcomes import ELSEWHERE, FOREIGN, THERE, UP_TO_DATE, Skipped

Exists: TypeAlias = Literal["auto", "skip", "overwrite", "rename", "error"]
State: TypeAlias = Literal["missing", "done", "foreign", "other", "another"]
_REFUSED: Mapping[str, str] = {
    "other": "with other options or another model",
    "another": "of another input",
}
RECENT = 2 * 10**9
"""Nanoseconds before a record in which a second change of the input may have the same date."""


@dataclass(frozen=True)
class Making:
    """What decides about the bytes of results besides their inputs."""

    task: str
    options: Mapping[str, str]
    models: tuple[tuple[str, str], ...]
    """Name and sha256 of each."""
    tile: str = "auto"

    def digest(self) -> str:
        """The same for the same results. Models count by content, so their option does not."""
        options = sorted(each for each in self.options.items() if each[0] != "model")
        said = [self.task, options, [sha256 for _, sha256 in self.models], self.tile]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Batch:
    """What a run has before it."""

    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Shard:
    """The part `number` of `count` that one machine of several does; every item is in one."""

    number: int = 1
    count: int = 1

    @classmethod
    def of(cls, text: str) -> "Shard":
        """`2/5`. Raises UsageError."""
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        raise UsageError(f"--shard {text}: as in 2/5, the second of five parts")

    def __str__(self) -> str:
        return "" if self.count == 1 else f"{self.number}of{self.count}"

    def has(self, item: Item) -> bool:
        """By the hash of the item's name, so that what else there is does not matter."""
        digest = hashlib.sha256(item.name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


WHOLE = Shard()


@dataclass
class Ledger:
    """What was done and who does what, in all folders of a run's results. Thread-safe."""

    making: Making
    exists: Exists = "auto"
    shard: Shard = WHOLE
    results: tuple[str, ...] = ("",)
    """What each item gives, as it goes into names."""
    began: int = field(default_factory=time.time_ns)

    def __post_init__(self) -> None:
        self.run = self.making.digest()
        self._manifests: dict[tuple[Path, str], Manifest] = {}
        self._claims: dict[Item, Claim] = {}
        self._targets: set[Path] = set()

    def decide(self, items: Iterable[Item]) -> Batch:
        """Which of `items` are to be done. Raises UsageError where something is in the way."""
        items = list(items)
        self._targets = {named(item.target, each) for item in items for each in self.results}
        mine = [item for item in items if self.shard.has(item)]
        todo: list[Item] = []
        skipped: list[Skipped] = []
        for item in mine:
            decision = self._decide(item)
            if isinstance(decision, Skipped):
                skipped.append(decision)
            else:
                todo.append(decision)
        return Batch(tuple(todo), tuple(skipped))

    def claimed(self, items: Iterable[Item], busy: list[Item]) -> Iterator[Item | Skipped]:
        """Those of `items` that are this run's to do, each when it is asked for.

        What another run did meanwhile is told; what one has in its hands goes to `busy`.
        """
        for item in items:
            atomic.make_folder(item.root)
            claim = self._manifest(item).claim(item.name)
            if claim is None:
                busy.append(item)
                continue
            if self._done_elsewhere(item):
                claim.release()
                yield _skipped(item, ELSEWHERE)
                continue
            self._claims[item] = claim
            yield item

    def check(self, item: Item, path: Path) -> None:
        """Raises ItemError where a result of `item` must not go to `path`."""
        if path in self._targets and path not in self._files(item):
            raise ItemError(f"{path}: is the result of another picture: choose another place")
        if self.exists == "overwrite" or not path.exists():
            return
        maker = self._made(item, path)
        if maker is None:
            self._manifest(item).look()  # who does another part may just have made it
            maker = self._made(item, path)
        if maker is None or maker.run != self.run or _is_of_another(maker, item):
            raise ItemError(f"{path}: there already, made by something else: --overwrite does it")

    def settle(self, item: Item, source: File, outputs: Sequence[File]) -> None:
        """Note the outputs of `item`, which are about to get their names. Raises OutputError."""
        record = Record(item.name, self.run, source, tuple(outputs), time.time_ns())
        self._claims[item].add(record, {**asdict(self.making), "gantool": __version__})

    def alone(self, item: Item) -> bool:
        """Whether nobody else can be writing the results of `item` now."""
        return self._claims[item].alone

    def release(self, item: Item) -> None:
        """Let others have `item`."""
        if claim := self._claims.pop(item, None):
            claim.release()

    def close(self) -> None:
        """Let others have everything."""
        for item in list(self._claims):
            self.release(item)
        for manifest in self._manifests.values():
            manifest.leave()

    def state(self, item: Item) -> State:
        """What there is of the results of `item`."""
        history = self._manifest(item).history(item.name)
        names = {each.name for each in history[-1].outputs} if history else set()
        files = self._files(item) | {item.root / name for name in names}
        there = [path for path in files if path.exists()]
        if not there:
            return "missing"
        makers = [self._made(item, path) for path in there]
        if None in makers:
            return "foreign"
        if any(maker.run != self.run for maker in makers if maker):
            return "other"
        if any(_is_of_another(maker, item) for maker in makers if maker):
            return "another"
        last = history[-1]
        whole = len(there) == len(last.outputs) and all(maker is last for maker in makers)
        return "done" if whole and _unchanged(item.source, last) else "missing"

    def _decide(self, item: Item) -> Item | Skipped:
        if self.exists == "overwrite":
            return item
        state = self.state(item) if self.exists == "auto" else "missing"
        if state == "done":
            return _skipped(item, UP_TO_DATE)
        if state == "foreign":
            return _skipped(item, FOREIGN)
        if state in _REFUSED:
            raise UsageError(
                f"{item.target}: made {_REFUSED[state]}: choose another place with -o, or "
                "--overwrite"
            )
        if self.exists != "auto" and any(map(Path.exists, self._files(item))):
            return self._in_the_way(item)
        return item

    def _in_the_way(self, item: Item) -> Item | Skipped:
        if self.exists == "error":
            raise UsageError(f"{item.target}: there already (--exists error)")
        if self.exists == "skip":
            return _skipped(item, THERE)
        for number in range(2, 1 << 30):
            renamed = replace(item, target=named(item.target, str(number)))
            files = self._files(renamed)
            if not files & self._targets and not any(map(Path.exists, files)):
                self._targets |= files
                return renamed
        raise UsageError(f"{item.target}: no free name is left")

    def _files(self, item: Item) -> set[Path]:
        return {named(item.target, each) for each in self.results}

    def _done_elsewhere(self, item: Item) -> bool:
        history = self._manifest(item).history(item.name)
        if not history or (self.exists == "overwrite" and history[-1].at < self.began):
            return False
        return self.state(item) == "done"

    def _made(self, item: Item, path: Path) -> Record | None:
        """The newest record of what is at `path`."""
        history = self._manifest(item).history(item.name)
        name = path.relative_to(item.root).as_posix()
        found_in = [(each, each.by_name.get(name)) for each in history]
        pairs = [(each, file) for each, file in found_in if file]
        dates = [(file.bytes, file.mtime_ns) for _, file in pairs]
        doubted = len(set(dates)) < len({file.sha256 for _, file in pairs})
        found = (each for each, file in reversed(pairs) if file.is_at(path, doubted=doubted))
        return next(found, None)

    def _manifest(self, item: Item) -> Manifest:
        key = item.root, item.manifest
        if key not in self._manifests:
            self._manifests[key] = Manifest(*key, str(self.shard))
        return self._manifests[key]


def _skipped(item: Item, reason: str) -> Skipped:
    return Skipped(item.source, item.target, reason)


def _unchanged(source: Path, record: Record) -> bool:
    """Whether the input is what it was; hashed where its date does not tell."""
    if is_numbered(source):
        return numbered.state(source)[2] == record.source.sha256
    try:
        recent = source.stat().st_mtime_ns > record.at - RECENT
    except OSError:
        return False
    moved = record.source.name != os.path.abspath(source)
    return record.source.is_at(source, doubted=recent or moved)


def _is_of_another(record: Record, item: Item) -> bool:
    """Whether it was made of a file elsewhere with another content: of no older state of this."""
    moved = record.source.name != os.path.abspath(item.source)
    return moved and not _unchanged(item.source, record)
