"""zlib streams by ISA-L: as small as any fast encoder's, in a third of the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from isal import isal_zlib

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST = 289
"""Bytes that go ahead. ISA-L looks 288 ahead; in one process in some thousand with several threads
it stops after its first byte and looks for other matches from there on. So it always stops there.
"""


def deflated(parts: Iterable[NDArray[np.uint8]]) -> Iterator[bytes]:
    """The stream of arrays of any shape, in pieces, none empty; the same for the same parts."""
    packer = isal_zlib.compressobj(1)
    first = FIRST
    for part in parts:
        data = part.reshape(-1).data
        for piece in (data[:first], data[first:]):
            if packed := packer.compress(piece):
                yield packed
        first = max(first - len(data), 0)
    yield packer.flush()
