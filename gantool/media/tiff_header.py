"""The first directories of a TIFF, as far as they say its size and whether it is camera raw."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

from gantool.errors import ItemError
from gantool.media.kinds import RAW

_WIDTH, _LENGTH, _PHOTOMETRIC, _INSIDE, _DNG, _EP = 256, 257, 262, 330, 50706, 37398
_FORMS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MOSAIC, _LINEAR = 32803, 34892
_SPARE = 1 << 20
_MOST_INSIDE = 8


def size(file: BinaryIO) -> tuple[int, int]:
    """Width and height. Raises ItemError for a camera raw file, and for a directory that lists
    the same bytes so often that reading it would fill the memory."""
    file.seek(0)
    head = file.read(16)
    order, big = ("<" if head[:2] == b"II" else ">"), 43 in head[2:4]
    (at,) = struct.unpack_from(f"{order}{'Q' if big else 'L'}", head, 8 if big else 4)
    form = order + ("HHQQ" if big else "HHLL")
    first = _directory(file, at, form)
    inside = [_directory(file, place, form) for place in _values(file, first, _INSIDE, form)]
    shown = {
        value for tags in (first, *inside) for value in _values(file, tags, _PHOTOMETRIC, form)
    }
    if _DNG in first or _EP in first or shown & {_MOSAIC, _LINEAR}:
        raise ItemError(RAW)
    found = [_values(file, first, tag, form) for tag in (_WIDTH, _LENGTH)]
    if not all(found):
        raise ItemError("the TIFF lists no picture: get a whole copy of it")
    return found[0][0], found[1][0]


def _directory(file: BinaryIO, at: int, form: str) -> Mapping[int, tuple[int, int, int]]:
    """Kind, count and place of the value of each tag."""
    end = file.seek(0, 2)
    big = form.endswith("Q")
    order, step = form[0], 20 if big else 12
    wide = order + ("Q" if big else "H")
    file.seek(min(at, end))
    (count,) = struct.unpack(wide, file.read(struct.calcsize(wide)))
    packed = file.read(min(count, 1 << 16) * step)
    entries = list(struct.iter_unpack(form, packed[: len(packed) // step * step]))
    start = at + struct.calcsize(wide)
    found, held = {}, 0
    for number, (tag, kind, values, place) in enumerate(entries):
        length = _BYTES.get(kind, 8) * values
        here = length <= (8 if big else 4)
        place = start + number * step + (12 if big else 8) if here else place
        found[tag] = kind, values, place
        held += length if place + length <= end else 0
    if held > 2 * end + _SPARE:
        raise ItemError("the TIFF lists more than it holds: get a whole copy of it")
    return found


def _values(
    file: BinaryIO, tags: Mapping[int, tuple[int, int, int]], tag: int, form: str
) -> tuple[int, ...]:
    """The first numbers of a tag; none where it is not there or lies outside the file."""
    kind, count, place = tags.get(tag, (0, 0, 0))
    if kind not in _FORMS or place > file.seek(0, 2):
        return ()
    numbers = f"{form[0]}{min(count, _MOST_INSIDE)}{_FORMS[kind]}"
    file.seek(place)
    packed = file.read(struct.calcsize(numbers))
    return struct.unpack(numbers, packed) if len(packed) == struct.calcsize(numbers) else ()
