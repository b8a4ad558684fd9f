"""What a result says of itself, in XMP: that a model made it, and which.

Terms of the IPTC: Digital Source Type, https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape  # that of xml.sax costs a start 30 ms
from pathlib import Path
from xml.parsers import expat

TYPES = {
    "enhanced": "algorithmicallyEnhanced",
    "composite": "compositeWithTrainedAlgorithmicMedia",
}
"""By the kind of a Pipeline."""
_NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OWN = "urn:gantool:xmp:1:"
_SEEN = 1 << 18
"""Bytes at either end of a file in which the mark is looked for."""

_DESCRIPTION = re.compile(
    rb"\s*<rdf:Description rdf:about=(?:\"[^\"]*\"|'[^']*') xmlns:Iptc4xmpExt=\"[^\"]*\" "
    rb"xmlns:gantool=.*?</rdf:Description>",
    re.DOTALL,
)
"""As it is written here."""
_PROPERTY = re.compile(
    rb"\s*\bgantool:\w+\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    rb"|\s*<(gantool:\w+)\b[^>]*?(?:/>|>.*?</\1\s*>)",
    re.DOTALL,
)
"""As other programs write it, which put everything into one description."""
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_MODEL = re.compile(rb"<rdf:li>(\S+ sha256:[0-9a-f]{64})</rdf:li>")
_TYPE = re.compile(
    rb"\s*\bIptc4xmpExt:DigitalSourceType\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    rb"|\s*<Iptc4xmpExt:DigitalSourceType\b[^>]*?(?:/>|>.*?</Iptc4xmpExt:DigitalSourceType>)",
    re.DOTALL,
)
_ABOUT = re.compile(rb"\brdf:about\s*=\s*(\"[^\"<]*\"|'[^'<]*')")
_END = re.compile(rb"</rdf:RDF\s*>")
_EMPTY = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
).encode()


@dataclass(frozen=True)
class Origin:
    """What made a result."""

    kind: str
    """One of `TYPES`."""
    models: tuple[tuple[str, str], ...]
    """Name and sha256 of each."""
    software: str
    """As in `gantool 0.1.0`."""


def marked(xmp: bytes, origin: Origin) -> bytes:
    """The packet with the origin in it; all else but comments stays as it was, byte for byte.

    Models that made the input stay named, before those of this result. A packet that is not XMP
    is replaced.
    """
    packet = _COMMENT.sub(b"", xmp)
    packet = packet if _is_packet(packet) else _EMPTY
    before = tuple(match[1].decode() for match in _MODEL.finditer(packet))
    for given in (_DESCRIPTION, _PROPERTY, _TYPE):
        packet = given.sub(b"", packet)
    about = _ABOUT.search(packet)
    mine = _description(origin, about[1].decode() if about else '""', before).encode()
    end = _END.search(packet)
    assert end is not None  # a packet has one
    return packet[: end.start()] + mine + packet[end.start() :]


def alone(xmp: bytes) -> bytes:
    """A packet with the mark of `xmp` and nothing else: what fits where all of it does not."""
    mine = _own(xmp)
    return _EMPTY.replace(b"</rdf:RDF>", mine + b"</rdf:RDF>") if mine else b""


def is_marked(path: Path) -> bool:
    """Whether gantool made the picture, by the ends of the file; False where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            if _OWN.encode() in file.read(_SEEN):
                return True
            size = file.seek(0, 2)
            file.seek(max(size - _SEEN, 0))
            return size > _SEEN and _OWN.encode() in file.read(_SEEN)
    except OSError:
        return False


def _own(packet: bytes) -> bytes:
    match = _DESCRIPTION.search(packet)
    return match[0].strip() if match else b""


def _description(origin: Origin, about: str, before: tuple[str, ...]) -> str:
    made = tuple(f"{escape(_word(name))} sha256:{digest}" for name, digest in origin.models)
    models = "".join(f"<rdf:li>{each}</rdf:li>" for each in dict.fromkeys((*before, *made)))
    kind = _NEWSCODES + TYPES[origin.kind]
    return (
        f'<rdf:Description rdf:about={about} xmlns:Iptc4xmpExt="{_IPTC}" xmlns:gantool="{_OWN}" '
        f'Iptc4xmpExt:DigitalSourceType="{kind}" gantool:Software="{escape(origin.software)}">'
        f"<gantool:Models><rdf:Seq>{models}</rdf:Seq></gantool:Models></rdf:Description>"
    )


def _word(name: str) -> str:
    """The name of a model, or the last part of its path: what lies above is nobody's business."""
    known = name if re.fullmatch(r"[a-z0-9_.-]+/[a-z0-9_.-]+", name) else Path(name).name
    shown = known.encode("utf-8", "replace").decode()
    return re.sub(r"[\s\x00-\x1f]", "_", shown)


def _is_packet(xmp: bytes) -> bool:
    """Well-formed, with the usual prefix of RDF, which is all that is relied upon."""
    if _END.search(xmp) is None or b"<!" in xmp or _RDF.encode() not in xmp:
        return False
    try:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.Parse(xmp.strip(b"\0 \r\n\t"), True)
    except expat.ExpatError:
        return False
    return True
