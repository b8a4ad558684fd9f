"""What a file is, by how it begins, and what is refused by name."""

from __future__ import annotations

import importlib.util
from typing import Literal, TypeAlias

from gantool.errors import ItemError
from gantool.media.video.kinds import film_ending

Kind: TypeAlias = Literal["png", "jpeg", "tiff", "gif", "webp", "avif", "heic", "bmp", "pnm"]

HEAD = 32
"""Bytes of a file that say what it is."""
_CAMERAS = (
    ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .dcr .dng .eip .erf .fff .gpr .iiq .k25 .kdc .mef "
    ".mos .mrw .nef .nrw .orf .pef .ptx .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
)
RAW_SUFFIXES = frozenset(_CAMERAS.split())
"""Endings of camera raw files."""
RAW = "a camera raw file: develop it to TIFF first, for example with darktable"

_STARTS: dict[bytes, Kind] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "tiff"),
    b"GIF8": "gif",
    b"BM": "bmp",
    **{b"P%d" % number: "pnm" for number in range(1, 7)},
}
_ENDINGS: dict[Kind, str] = {"jpeg": ".jpg", "tiff": ".tif", "pnm": ".png"}
_REFUSED = {
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture: convert it to TIFF or PNG first",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture: convert it to PNG first",
    b"\xff\x0a": "a JPEG XL picture: convert it to PNG first",
    b"8BPS": "a Photoshop document: save it as TIFF or PNG first",
    b"%PDF": "a PDF document: save its pictures as PNG first",
    **dict.fromkeys((b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR"), RAW),
    **dict.fromkeys((b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II*\0\x10\0\0\0CR"), RAW),
}
_HEIC = (b"hei", b"hev", b"mif1", b"msf1")


def reads_heic() -> bool:
    """Whether the extra for it is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def kind_of(head: bytes, suffix: str = "") -> Kind:
    """What a file is that begins like this. Raises ItemError for one that is not read.

    The name decides only where the content could be a camera's: many raw files begin like a TIFF.
    """
    for signature, what in _REFUSED.items():
        if head.startswith(signature):
            raise ItemError(what)
    kind = _kind(head)
    if (kind in ("tiff", None) and suffix.lower() in RAW_SUFFIXES) or head[4:11] == b"ftypcrx":
        raise ItemError(RAW)
    if kind == "heic" and not reads_heic():
        raise ItemError('a HEIC picture: pip install "gantool[heif]"')
    if kind is None:
        raise ItemError("not a picture that is known here, whatever its ending: leave it out")
    return kind


def ending(content: bytes) -> str:
    """What the name of a picture file with this content ends in; `.png` where it is unknown."""
    film = film_ending(content)
    if film:
        return film
    kind = _kind(content[:HEAD])
    return _ENDINGS.get(kind, f".{kind}") if kind else ".png"


def _kind(head: bytes) -> Kind | None:
    for signature, kind in _STARTS.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _by_brands(head[8:12], head[16 : int.from_bytes(head[:4])])
    return None


def _by_brands(major: bytes, others: bytes) -> Kind | None:
    if major in (b"avif", b"avis"):
        return "avif"
    if major.startswith(_HEIC):
        return "avif" if b"avif" in others and b"hei" not in others else "heic"
    return None
