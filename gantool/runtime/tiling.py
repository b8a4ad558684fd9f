"""Cutting a frame into tiles and putting the results together: tiled equals whole.

Each tile is read `halo` pixels wider than the part it is responsible for, so that no output
pixel misses anything it looks at. Tiles near an edge of the frame are moved to it: there the
network sees the edge that it would see of the whole frame, and pads by itself as in training.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gantool.errors import ItemError
from gantool.pipeline import Frame
from gantool.runtime.contract import Contract
from gantool.scratch import allocate

Run: TypeAlias = Callable[[NDArray[np.uint8] | NDArray[np.uint16]], Frame]
"""N×h×w×3 → N×sh×sw×3."""


@dataclass(frozen=True)
class Cut:
    """One axis of a frame of `length`, cut into `count` equal pieces of `core` pixels."""

    length: int
    core: int
    count: int
    halo: int
    read: int
    """Pixels taken per piece: halo, core, halo and what the network's sizes demand beyond."""
    end: int
    """Of the frame with its mirror image as far as the network's sizes demand one."""

    def start(self, index: int) -> int:
        """Where piece `index` begins to read: it ends by `end`."""
        return max(min(index * self.core - self.halo, self.end - self.read), 0)

    def sources(self, index: int) -> NDArray[np.intp]:
        """Which pixels piece `index` reads: `read` positions in [0, length), mirrored beyond."""
        start = self.start(index)
        return mirrored(np.arange(start, start + self.read), self.length)

    def kept(self, index: int) -> slice:
        """Which pixels of the frame piece `index` is responsible for."""
        return slice(index * self.core, min((index + 1) * self.core, self.length))


def tiled(
    frame: Frame,
    run: Run,
    contract: Contract,
    tile: int | None,
    *,
    most: int | None = None,
    alike: bool = False,
) -> Frame:
    """`run` on an H×W×3 frame, in tiles of at most `tile` pixels a side (None: in one piece).

    `alike`: of one shape in all frames that are larger. Returns sH×sW×3 of the same dtype, in a
    memory map where it is larger than 512 MiB. Raises ItemError where that would have more than
    `most` pixels, OutputError where the disk is full.
    """
    height, width, _ = frame.shape
    _check_size(height * contract.scale, width * contract.scale, most)
    rows, columns = _cuts(frame, tile, contract, alike=alike)
    scale = contract.scale
    whole: Frame | None = None
    for row, column in _places(rows, columns):
        piece = _read(frame, rows.sources(row), columns.sources(column))
        done = run(piece[None])[0]
        down, right = rows.kept(row), columns.kept(column)
        inner = _inside(down, rows.start(row), scale), _inside(right, columns.start(column), scale)
        result = done[inner]
        if rows.count == columns.count == 1:
            return np.ascontiguousarray(result)
        if whole is None:
            whole = allocate((height * scale, width * scale, 3), result.dtype)
        whole[_times(down, scale), _times(right, scale)] = result
    assert whole is not None
    return whole


def in_one_piece(frame: Frame, contract: Contract) -> Frame:
    """1×h×w×3: the frame as a network takes it whole, with what its sizes demand beyond."""
    rows, columns = _cuts(frame, None, contract)
    return _read(frame, rows.sources(0), columns.sources(0))[None]


def _cuts(
    frame: Frame, tile: int | None, contract: Contract, *, alike: bool = False
) -> tuple[Cut, Cut]:
    """Of its rows and of its columns."""
    (height, width, _), (rows, columns) = frame.shape, contract.window
    if rows and columns:
        return cut_by_window(height, rows, contract), cut_by_window(width, columns, contract)
    return cut(height, tile, contract, alike=alike), cut(width, tile, contract, alike=alike)


def cut_by_window(length: int, window: int, contract: Contract) -> Cut:
    """Pieces of the one size that the network takes."""
    halo = _up(contract.halo, contract.align)
    core = max((window - 2 * halo) // contract.align, 1) * contract.align
    end = window + _up(max(length - window, 0), contract.align)
    return Cut(length, core, math.ceil(length / core), halo, window, end)


def cut(length: int, tile: int | None, contract: Contract, *, alike: bool = False) -> Cut:
    """Pieces that start at multiples of the network's stride, of equal lengths.

    Those that are `alike` are as long as `tile` allows, wherever one does not read it all.
    """
    align = contract.align
    limit = length if tile is None else max(tile // align, 1) * align
    halo = _up(contract.halo, align)
    unit = math.lcm(contract.multiple, align)
    end = _up(max(length, contract.minimum), unit)
    count = 1 if alike and end <= limit + 2 * halo else math.ceil(length / limit)
    core = limit if alike and count > 1 else _up(math.ceil(length / count), align)
    read = min(_up(max(core + 2 * halo, contract.minimum), unit), end)
    return Cut(length, core, math.ceil(length / core), halo, read, end)


def mirrored(positions: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Positions on an endless line → positions in [0, length), reflected at both ends.

    The edge pixel is not repeated; one pixel reflects into itself.
    """
    period = max(2 * (length - 1), 1)
    folded = positions % period
    return np.minimum(folded, period - folded) if length > 1 else np.zeros_like(positions)


def filling(frame: Frame, height: int, width: int) -> Frame:
    """The upper left height×width×3 of a frame, mirrored beyond its edges where it is smaller."""
    rows, columns = mirrored(np.arange(height), len(frame)), np.arange(width)
    return cast(
        Frame, np.ascontiguousarray(frame[rows[:, None], mirrored(columns, frame.shape[1])])
    )


def _check_size(height: int, width: int, most: int | None) -> None:
    if most is not None and height * width > most:
        raise ItemError(
            f"the result would be {width}×{height}, {height * width / 1e6:.0f} megapixels and "
            f"more than the {most / 1e6:.0f} allowed: raise --max-pixels or reduce the picture"
        )


def _read(frame: Frame, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Frame:
    band = frame[_as_slice(rows)]
    return cast(Frame, np.ascontiguousarray(band[:, _as_slice(columns)]))


def _as_slice(positions: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """A slice where the positions simply rise: it copies less."""
    first, last = int(positions[0]), int(positions[-1])
    if last - first == len(positions) - 1 and bool((np.diff(positions) == 1).all()):
        return slice(first, last + 1)
    return positions


def _places(rows: Cut, columns: Cut) -> Iterator[tuple[int, int]]:
    return ((row, column) for row in range(rows.count) for column in range(columns.count))


def _inside(kept: slice, start: int, scale: int) -> slice:
    return _times(slice(kept.start - start, kept.stop - start), scale)


def _times(kept: slice, scale: int) -> slice:
    return slice(kept.start * scale, kept.stop * scale)


def _up(value: int, unit: int) -> int:
    return math.ceil(value / unit) * unit
