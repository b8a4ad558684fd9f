"""Laws of what a result says of its origin."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from gantool.media.carry import Carry
from gantool.media.images import encode_image, read_image
from gantool.media.provenance import Origin, alone, is_marked, marked

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
OWN = "{urn:gantool:xmp:1:}"
FIRST = Origin("enhanced", (("superres/photo-x4", "a" * 64),), "gantool 1.0")
SECOND = Origin("composite", (("translate/monet", "b" * 64),), "gantool 1.1")
START = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF[1:-1]}">'
END = "</rdf:RDF></x:xmpmeta>"
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
IPTC = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
CAMERA = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
PACKETS = {
    "plain": f'{START}<rdf:Description rdf:about="" {DC} dc:source="mine"/>{END}',
    "wrapped": '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'{START}<rdf:Description rdf:about="" {DC} dc:source="mine"/>{END}'
    + " " * 2000
    + '<?xpacket end="w"?>',
    "attribute": f'{START}<rdf:Description rdf:about="" {DC} {IPTC} dc:source="mine" '
    f'Iptc4xmpExt:DigitalSourceType="{CAMERA}"/>{END}',
    "element": f"{START}<rdf:Description rdf:about='' {DC} {IPTC}><dc:source>mine</dc:source>"
    f"<Iptc4xmpExt:DigitalSourceType>{CAMERA}</Iptc4xmpExt:DigitalSourceType>"
    f"</rdf:Description>{END}",
    "resource": f'{START}<rdf:Description rdf:about="" {DC} {IPTC} dc:source="mine">'
    f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{CAMERA}"/></rdf:Description>{END}',
    "several": f'{START}<rdf:Description rdf:about="uuid:1" {DC} dc:source="mine"/>'
    f'<rdf:Description rdf:about="uuid:1" {IPTC} Iptc4xmpExt:DigitalSourceType="{CAMERA}"/>'
    f'<rdf:Description rdf:about="uuid:1" {DC}><dc:rights>all</dc:rights></rdf:Description>{END}',
    "comments": f'{START}<!-- </rdf:RDF> --><rdf:Description rdf:about="" {DC} dc:source="mine"/>'
    f"<!-- dc -->{END}",
}
SUFFIXES = [".jpg", ".png", ".tif", ".webp", ".avif", ".gif"]


def root(packet: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(packet.decode().strip("\0"))


def source_types(packet: bytes) -> list[str]:
    described = [d for d in root(packet).iter(f"{RDF}Description") if TYPE in d.attrib]
    nested = [element.text or "" for element in root(packet).iter(TYPE)]
    return [d.attrib[TYPE].rpartition("/")[2] for d in described] + nested


def models(packet: bytes) -> list[str]:
    (made,) = root(packet).iter(f"{OWN}Models")
    return [element.text or "" for element in made.iter(f"{RDF}li")]


@pytest.mark.parametrize("given", PACKETS.values(), ids=PACKETS)
def test_the_origin_is_said_and_all_else_stays(given: str) -> None:
    packet = marked(given.encode(), FIRST)
    assert source_types(packet) == ["algorithmicallyEnhanced"]
    assert models(packet) == [f"superres/photo-x4 sha256:{'a' * 64}"]
    assert b'gantool:Software="gantool 1.0"' in packet
    assert given.count("mine") == packet.count(b"mine") == 1
    assert given.count("all<") == packet.count(b"all<")
    abouts = {d.attrib[f"{RDF}about"] for d in root(packet).iter(f"{RDF}Description")}
    assert len(abouts) == 1
    assert packet.startswith(given[:20].encode())
    assert packet.endswith(given[-20:].encode())


@pytest.mark.parametrize("given", PACKETS.values(), ids=PACKETS)
def test_a_result_of_a_result_names_both_models_once(given: str) -> None:
    packet = marked(given.encode(), FIRST)
    for _ in range(2):
        packet = marked(packet, SECOND)
    assert [model.split()[0] for model in models(packet)] == [
        "superres/photo-x4",
        "translate/monet",
    ]
    assert source_types(packet) == ["compositeWithTrainedAlgorithmicMedia"]
    assert packet.count(b"gantool:Software=") == 1
    assert packet.count(b"mine") == 1


def test_a_packet_that_another_program_wrote_anew_loses_nothing() -> None:
    li = f"<rdf:li>superres/photo-x4 sha256:{'a' * 64}</rdf:li>"
    merged = (
        f'{START}<rdf:Description rdf:about="" {DC} {IPTC} xmlns:gantool="urn:gantool:xmp:1:" '
        f'dc:source="mine" Iptc4xmpExt:DigitalSourceType="{CAMERA}" gantool:Software="gantool 1.0">'
        f"<dc:rights>all</dc:rights><gantool:Models>\n <rdf:Seq>{li}</rdf:Seq></gantool:Models>"
        f"<dc:title>ours</dc:title></rdf:Description>{END}"
    )
    packet = marked(merged.encode(), SECOND)
    assert [model.split()[0] for model in models(packet)] == [
        "superres/photo-x4",
        "translate/monet",
    ]
    assert source_types(packet) == ["compositeWithTrainedAlgorithmicMedia"]
    assert all(word in packet for word in (b"mine", b"all<", b"ours<"))
    assert packet.count(b"gantool 1.") == 1


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"no XMP",
        PACKETS["plain"].encode()[:-5],
        PACKETS["plain"].encode().replace(b"/>", b">"),
        PACKETS["plain"].encode("utf-16"),
        b'<!DOCTYPE x [<!ENTITY a "aa">]>' + PACKETS["plain"].encode(),
        b"\xff\xfe" + PACKETS["plain"].encode(),
    ],
)
def test_a_damaged_packet_is_replaced(given: bytes) -> None:
    assert marked(given, FIRST) == marked(b"", FIRST)
    assert source_types(marked(given, FIRST)) == ["algorithmicallyEnhanced"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/me/se cret/my model.onnx", "my_model.onnx"),
        ("a<b>&.onnx", "a&lt;b&gt;&amp;.onnx"),
        ("\udcff.onnx", "?.onnx"),
        ("superres/photo-x4", "superres/photo-x4"),
    ],
)
def test_of_a_model_of_ones_own_the_name_is_told_not_the_place(name: str, shown: str) -> None:
    packet = marked(b"", Origin("enhanced", ((name, "c" * 64),), "gantool 1.0"))
    assert re.search(rb"<rdf:li>(\S+) sha256", packet)[1].decode() == shown  # type: ignore[index] # it is there


@pytest.mark.parametrize(
    ("suffix", "side"),
    [
        *((suffix, 16) for suffix in SUFFIXES),
        *((suffix, 1040) for suffix in SUFFIXES[:3]),
        *(pytest.param(suffix, 1040, marks=pytest.mark.slow) for suffix in SUFFIXES[3:]),
    ],
)
def test_a_result_is_known_again(tmp_path: Path, suffix: str, side: int) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    carry = Carry(
        icc=bytes(16) + b"RGB " + bytes(16) + b"acsp" + bytes(3000), xmp=b"", dpi=(72, 72)
    )
    for xmp, known in ((PACKETS["wrapped"].encode(), False), (marked(b"", FIRST), True)):
        file = tmp_path / f"{known}{suffix}"
        file.write_bytes(encode_image(frame, Carry(icc=carry.icc, xmp=xmp), suffix))
        assert is_marked(file) == known
        assert (b"urn:gantool" in read_image(file)[1].xmp) == known
    assert side == 16 or file.stat().st_size > 1_000_000


def test_a_jpeg_of_too_much_xmp_still_says_its_origin(tmp_path: Path) -> None:
    large = PACKETS["plain"].replace("mine", "mine" * 20_000).encode()
    frame = np.zeros((8, 8, 3), np.uint8)
    (tmp_path / "a.jpg").write_bytes(encode_image(frame, Carry(xmp=marked(large, FIRST)), ".jpg"))
    packet = read_image(tmp_path / "a.jpg")[1].xmp
    assert is_marked(tmp_path / "a.jpg")
    assert source_types(packet) == ["algorithmicallyEnhanced"]
    assert b"mine" not in packet
    assert alone(large) == b""


def test_what_cannot_be_read_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (tmp_path, tmp_path / "absent", tmp_path / "empty"):
        assert not is_marked(path)
