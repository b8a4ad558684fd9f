"""Damaged pictures, always the same for a number: as bad disks, senders and strangers make them."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

import trees
from gantool.media.images import SUFFIXES

NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
NUMBERS += [20_000, 65_500]
HEAD = 160
"""Bytes in which most formats say how large they are."""
MOST = 100_000
"""Bytes of a seed: larger ones are only slower."""


def seeds(folder: Path, others: Path | None) -> dict[str, bytes]:
    """Small pictures of every format made in `folder`, and those of `others`, by their names."""
    for number, kind in enumerate(trees.KINDS):
        trees.picture(folder / f"{number}{kind}", number)
    _animate(folder)
    _more(folder)
    found = 4 * sorted(folder.iterdir())  # most of the others are damaged already
    found += sorted(others.rglob("*")) if others else []
    found = [path for path in found if path.suffix.lower() in SUFFIXES]
    found = [path for path in found if path.stat().st_size <= MOST]
    return {f"{number}{path.suffix}": path.read_bytes() for number, path in enumerate(found)}


def _animate(folder: Path) -> None:
    frames = [Image.fromarray(np.full((12, 17, 3), shade, np.uint8)) for shade in (9, 99, 200)]
    for name in ("moving.gif", "moving.webp", "moving.png"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=90)


def _more(folder: Path) -> None:
    picture = Image.fromarray(np.arange(11 * 13 * 3, dtype=np.uint8).reshape(11, 13, 3))
    options = {"deflated.tif": {"compression": "tiff_deflate"}, "lossless.webp": {"lossless": True}}
    for name in ("still.gif", "still.ppm", "still.avif", *options):
        try:
            picture.save(folder / name, **options.get(name, {}))
        except (KeyError, OSError):  # this Pillow has no AVIF
            continue
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=exif, progressive=True, dpi=(72, 72))
    picture.convert("CMYK").save(folder / "inks.jpg")
    picture.convert("P").save(folder / "palette.png", transparency=3)


def mutated(seeds: Mapping[str, bytes], number: int) -> tuple[str, bytes]:
    """A name and what is in the file: one of `seeds`, changed once to four times."""
    drawn = Random(number)
    name, data = drawn.choice(list(seeds.items()))
    for _ in range(drawn.choice([1, 1, 1, 2, 4])):
        change = drawn.choice([_flip, _flip, _head, _head, _cut, _double, _drop, _swap, _fill])
        data = change(data, drawn) if len(data) > 8 else data
    if drawn.random() < 0.08:
        data = _spliced(data, drawn.choice(list(seeds.values())), drawn)
    if drawn.random() < 0.8:
        data = _resummed(data)
    suffix = Path(name).suffix
    if drawn.random() < 0.08:
        suffix = Path(drawn.choice(list(seeds))).suffix
    return f"{number:05}{suffix}", data


def _flip(data: bytes, drawn: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(drawn.choice([1, 2, 8, 40])):
        changed[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
    return bytes(changed)


def _head(data: bytes, drawn: Random) -> bytes:
    """A number at the beginning that is as large or small as it can be."""
    kind = drawn.choice(["B", ">H", "<H", ">I", "<I"])
    size = struct.calcsize(kind)
    number = drawn.choice(NUMBERS) & (1 << 8 * size) - 1
    at = drawn.randrange(min(HEAD, len(data) - size))
    return data[:at] + struct.pack(kind, number) + data[at + size :]


def _cut(data: bytes, drawn: Random) -> bytes:
    return data[: drawn.randrange(len(data))]


def _resummed(data: bytes) -> bytes:
    """A PNG whose checksums are right, so that what else is wrong is met."""
    changed, at = bytearray(data), 8
    while data.startswith(b"\x89PNG") and at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        if end + 4 > len(data):
            break
        changed[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4)
        at = end + 4
    return bytes(changed)


def _part(data: bytes, drawn: Random) -> tuple[int, int]:
    begin = drawn.randrange(len(data))
    return begin, min(len(data), begin + drawn.choice([1, 4, 12, 64, 512]))


def _double(data: bytes, drawn: Random) -> bytes:
    begin, end = _part(data, drawn)
    return data[:end] + data[begin:]


def _drop(data: bytes, drawn: Random) -> bytes:
    begin, end = _part(data, drawn)
    return data[:begin] + data[end:]


def _swap(data: bytes, drawn: Random) -> bytes:
    one, two = sorted(drawn.randrange(len(data)) for _ in range(2))
    size = min(drawn.choice([1, 4, 64]), two - one, len(data) - two)
    between, after = data[one + size : two], data[two + size :]
    return data[:one] + data[two : two + size] + between + data[one : one + size] + after


def _fill(data: bytes, drawn: Random) -> bytes:
    begin, end = _part(data, drawn)
    return data[:begin] + drawn.choice([b"\0", b"\xff"]) * (end - begin) + data[end:]


def _spliced(data: bytes, other: bytes, drawn: Random) -> bytes:
    return data[: drawn.randrange(len(data) + 1)] + other[drawn.randrange(len(other) + 1) :]
