"""Sources → frames → pipeline → files. Reads ahead and writes behind while the model works."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from gantool import atomic
from gantool.errors import GantoolError, ItemError
from gantool.media.carry import Carry, carry_through
from gantool.media.images import read_image, write_image
from gantool.media.sources import Item
from gantool.pipeline import Frame, Process

AHEAD = 2
"""Pictures decoded ahead of the model, and as many results waiting to be written."""

Picture = tuple[Frame, Carry]


@dataclass(frozen=True)
class Done:
    """A finished item and the files it gave."""

    source: Path
    outputs: tuple[Path, ...]


@dataclass(frozen=True)
class Failed:
    """An item that could not be done, and why, in one line; the others go on."""

    source: Path
    reason: str


@dataclass(frozen=True)
class Rules:
    """How results are put into files."""

    grey: Literal["keep", "colour"] = "keep"
    alpha: Literal["resize", "model"] = "resize"
    quality: int | None = None
    overwrite: bool = True


def run(items: Iterable[Item], process: Process, rules: Rules) -> Iterator[Done | Failed]:
    """`process` (frame → result) on every item, yielded in order as their files are complete.

    Raises OutputError where nothing more can be written.
    """
    with (
        ThreadPoolExecutor(1, "read") as reader,
        ThreadPoolExecutor(1, "write") as writer,
    ):
        writing: deque[Future[Done | Failed]] = deque()
        for item, reading in _ahead(reader, items):
            results = _processed(item, reading, process, rules)
            writing.append(writer.submit(_write, item, results, rules))
            while len(writing) > AHEAD or (writing and writing[0].done()):
                yield writing.popleft().result()
        while writing:
            yield writing.popleft().result()


def _processed(
    item: Item, reading: Future[Picture], process: Process, rules: Rules
) -> dict[str, Picture] | Failed:
    try:
        frame, carry = reading.result()
        return carry_through(process, frame, carry, grey=rules.grey, alpha=rules.alpha)
    except Exception as error:  # a stranger's process may raise anything
        if _ends_the_run(error):
            raise
        return Failed(item.source, _reason(item, error))


def _ahead(
    reader: ThreadPoolExecutor, items: Iterable[Item]
) -> Iterator[tuple[Item, Future[Picture]]]:
    rest = iter(items)
    reading: deque[tuple[Item, Future[Picture]]] = deque()
    while True:
        for item in islice(rest, AHEAD - len(reading)):
            reading.append((item, reader.submit(read_image, item.source)))
        if not reading:
            return
        yield reading.popleft()


def _write(item: Item, results: dict[str, Picture] | Failed, rules: Rules) -> Done | Failed:
    if isinstance(results, Failed):
        return results  # it comes here to keep its place in the order
    outputs = []
    for suffix, (frame, carry) in results.items():
        path = _named(item.target, suffix)
        if suffix and path.exists() and not rules.overwrite:
            continue  # only now is it known that there is a result of that name
        atomic.make_folder(path.parent)
        try:
            write_image(path, frame, carry, quality=rules.quality)
        except Exception as error:  # what a stranger's process gave may be no frame
            if _ends_the_run(error):
                raise
            return Failed(item.source, _reason(item, error))
        outputs.append(path)
    return Done(item.source, tuple(outputs))


def _named(target: Path, suffix: str) -> Path:
    return target.with_stem(f"{target.stem}-{suffix}") if suffix else target


def _ends_the_run(error: Exception) -> bool:
    """Whether it is about more than one item: the disk, the device, the model."""
    return isinstance(error, GantoolError) and not isinstance(error, ItemError)


def _reason(item: Item, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"{item.source}: not enough memory for it"
    text = str(error) if isinstance(error, GantoolError) else f"{type(error).__name__}: {error}"
    return text if str(item.source) in text else f"{item.source}: {text}"
