"""Results under their final names: all files of an item are complete before the first has its."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from gantool import atomic
from gantool.batch import Ledger
from gantool.manifest import File
from gantool.media.places import Item, named


def put(
    item: Item,
    source: File,
    results: Mapping[str, Callable[[BinaryIO], None]],
    ledger: Ledger | None,
    *,
    mtime_ns: int | None,
) -> tuple[Path, ...]:
    """Write the files of an item, by suffix; each writer is given an empty file of that name.

    `ledger` is told before they get their names. Raises ItemError, OutputError.
    """
    atomic.make_folder(item.target.parent)
    alone = ledger is not None and ledger.alone(item)
    paths = tuple(named(item.target, suffix) for suffix in results)
    with ExitStack() as files:
        outputs = []
        for path, write in zip(paths, results.values(), strict=True):
            if ledger:
                ledger.check(item, path)
            file = files.enter_context(atomic.replacing(path, mtime_ns=mtime_ns, alone=alone))
            write(file)
            if ledger:
                outputs.append(_described(path.relative_to(item.root), file, mtime_ns))
        if ledger:
            ledger.settle(item, source, outputs)
    return paths


def _described(name: Path, file: BinaryIO, mtime_ns: int | None) -> File:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return File(name.as_posix(), file.tell(), mtime_ns or 0, digest.hexdigest())
