"""Checkpoints that mean harm: each would make the folder `CANARY` if anything of it were run.

A table from a name to what makes the file at a path, and a part of the line that refuses it.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch

Build = Callable[[Path], object]
CANARY = "canary"
"""A folder in the current one."""
WEIGHTS = {"a.weight": torch.arange(6.0).view(2, 3)}
NO_CHECKPOINT = "not a checkpoint of PyTorch"
NOTHING_RUN = "refused, nothing of it was run"
MARK = 0x1950A86A20F9469CFC6C
"""At the beginning of PyTorch's older format."""


class Evil:
    """When it is unpickled, `function` is called."""

    def __init__(self, function: Callable[..., object] = os.mkdir, *given: object) -> None:
        self.call = function, given or (CANARY,)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


class Stateful:
    """Is given what it is by a `__setstate__` of another."""

    def __reduce__(self) -> tuple[object, ...]:
        return OrderedDict, (), {"__class__": Evil()}, None, iter([("a", Evil())])


def saved(content: object, *, zipped: bool = True) -> Build:
    return lambda path: torch.save(content, path, _use_new_zipfile_serialization=zipped)


def archived(program: bytes, **records: bytes) -> Build:
    """A checkpoint in today's format, whose pickle is `program`."""

    def build(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("g/data.pkl", program)
            archive.writestr("g/version", b"3\n")
            archive.writestr("g/byteorder", b"little")
            for name, content in records.items():
                archive.writestr(f"g/{name}", content)

    return build


def older(*pickles: bytes) -> Build:
    """PyTorch's older format: mark, protocol, system and content, each a pickle."""
    return lambda path: path.write_bytes(b"".join(pickles))


EVIL = pickle.dumps(Evil())
HEAD = (pickle.dumps(MARK, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2))


def dispatched(path: Path) -> None:
    """A pickler's table says how a plain number is made: by a call."""
    held = io.BytesIO()
    pickler = pickle.Pickler(held, 2)
    pickler.dispatch_table = {complex: lambda _: (os.mkdir, (CANARY,))}
    pickler.dump({"a": 1j})
    archived(held.getvalue())(path)


def tarred(path: Path) -> None:
    """PyTorch's oldest format, with names that lead out of the folder."""
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors", f"../{CANARY}", f"/tmp/{CANARY}"):
            member = tarfile.TarInfo(name)
            member.size = len(EVIL)
            archive.addfile(member, io.BytesIO(EVIL))


def leading_away(path: Path) -> None:
    """Names that would lie elsewhere if they were unpacked."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in (f"../{CANARY}", f"/tmp/{CANARY}", f"g/../../{CANARY}", "../g/data.pkl"):
            archive.writestr(name, EVIL)


def bomb(record: str) -> Build:
    """Nearly four gigabytes of zeros in four megabytes: one block, again and again.

    What it is in the end is patched into the list of contents, and its checksum is wrong.
    """
    count, size = 239, 2**24
    flat = zlib.compressobj(9, wbits=-15)
    block = flat.compress(bytes(size)) + flat.flush(zlib.Z_FULL_FLUSH)
    held = {"data.pkl": storage(count * size // 4), "version": b"3", "byteorder": b"little"}
    held[record] = block * count + flat.flush()

    def build(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in held.items():
                archive.writestr(f"g/{name}", content)
            at = archive.getinfo(f"g/{record}").header_offset
        content = bytearray(path.read_bytes())
        listed = content.rindex(f"g/{record}".encode()) - 46
        for start, size_at in ((at + 8, at + 22), (listed + 10, listed + 24)):
            struct.pack_into("<H", content, start, zipfile.ZIP_DEFLATED)
            struct.pack_into("<I", content, size_at, count * size)
        path.write_bytes(bytes(content))

    return build


def storage(
    numbers: int, sizes: tuple[int, ...] = (), strides: tuple[int, ...] = (), at: int = 0
) -> bytes:
    """The pickle of a tensor on a storage of so many numbers, with sizes and strides of its own."""
    sizes = sizes or (numbers,)
    strides = strides or (1,) * len(sizes)
    words = ["storage", "\nctorch\nFloatStorage\n", "0", "cpu", numbers]
    program = b"\x80\x02}X\x01\x00\x00\x00a"
    program += (
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    )
    program += b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + number(words[-1]) + b"tQ" + number(at)
    program += b"(" + b"".join(map(number, sizes)) + b"t(" + b"".join(map(number, strides)) + b"t"
    return program + b"\x89ccollections\nOrderedDict\n)RtRs."


def number(value: object) -> bytes:
    """As a pickle has it."""
    return pickle.dumps(value, 2)[2:-1]


def nested(levels: int) -> bytes:
    """Lists in lists."""
    return b"\x80\x02" + b"]" * levels + b"a" * (levels - 1) + b"."


def laughing(depth: int) -> bytes:
    """A tuple of two of a tuple of two: to hash it takes 2^depth steps."""
    program = b"\x80\x02}K\x01q\x00"
    for at in range(depth):
        program += b"0" + b"h%c" % at + b"h%c" % at + b"\x86" + b"q%c" % (at + 1)
    return program + b"K\x01s."


def truncated(path: Path) -> None:
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:-300])


def moved(path: Path) -> None:
    """Its list of contents is said to be elsewhere."""
    torch.save(WEIGHTS, path)
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(bytes(content))


def program(path: Path) -> None:
    """TorchScript, which is code."""
    with torch.jit.optimized_execution(False):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def huge(size: int) -> Build:
    def build(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return build


def safe(header: object, *, size: int = 24, length: int | None = None) -> Build:
    """Safetensors with this header, that is said to have `length` bytes; the rest is a hole."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()

    def build(path: Path) -> None:
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(text) if length is None else length) + text)
            file.truncate(file.tell() + size)

    return build


def tensor(
    first: int = 0, last: int = 24, shape: tuple[int, ...] = (2, 3), kind: str = "F32"
) -> dict[str, object]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [first, last]}


DAMAGED = "not a safetensors file, or a damaged one"
PICKLES: dict[str, tuple[Build, str]] = {
    "call": (saved({**WEIGHTS, "b": Evil()}), f"{NOTHING_RUN}.*mkdir"),
    "call, older": (saved({**WEIGHTS, "b": Evil()}, zipped=False), f"{NOTHING_RUN}.*mkdir"),
    "eval": (saved(Evil(eval, f"__import__('os').mkdir('{CANARY}')")), f"{NOTHING_RUN}.*eval"),
    "exec": (saved(Evil(exec, f"import os; os.mkdir('{CANARY}')")), f"{NOTHING_RUN}.*exec"),
    "shell": (saved(Evil(os.system, f"mkdir {CANARY}")), f"{NOTHING_RUN}.*system"),
    "load of another": (saved(Evil(torch.load, "other.pth")), NOTHING_RUN),
    "state": (saved(Stateful()), NOTHING_RUN),
    "table of a pickler": (dispatched, f"{NOTHING_RUN}.*mkdir"),
    "global of old": (archived(b"cposix\nmkdir\n(X\x06\x00\x00\x00canarytR."), NOTHING_RUN),
    "global on the stack": (
        archived(b"\x80\x04\x8c\x05posix\x8c\x05mkdir\x93\x8c\x06canary\x85R."),
        "refuse|not a",
    ),
    "global out of the memo": (
        archived(
            b"\x80\x04\x8c\x05posix\x94\x8c\x05mkdir\x94\x30\x30h\x00h\x01\x93\x8c\x06canary\x85R."
        ),
        "refuse|not a",
    ),
    "instance": (archived(b"(X\x06\x00\x00\x00canaryiposix\nmkdir\n."), NO_CHECKPOINT),
    "object": (archived(b"(cposix\nmkdir\nX\x06\x00\x00\x00canaryo."), NOTHING_RUN),
    "new object": (
        archived(b"\x80\x02cposix\nmkdir\nX\x06\x00\x00\x00canary\x85\x81."),
        NOTHING_RUN,
    ),
    "extension": (archived(b"\x80\x02\x82\x01X\x06\x00\x00\x00canary\x85R."), NO_CHECKPOINT),
    "dotted global": (
        archived(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n."),
        "refuse|not a",
    ),
    "module of the folder": (archived(b"\x80\x02cevil\nthing\n."), NOTHING_RUN),
    "strange reference": (archived(b"\x80\x02X\x05\x00\x00\x00evil!Q."), NO_CHECKPOINT),
    "evil mark": (older(EVIL, *HEAD[1:]), "refuse|not a"),
    "evil system": (older(*HEAD[:2], EVIL, pickle.dumps({}, 2)), "refuse|not a"),
    "evil content": (older(*HEAD, EVIL), "refuse|not a"),
    "tar": (tarred, NO_CHECKPOINT),
    "program": (program, "TorchScript|not a checkpoint"),
    "names that lead away": (leading_away, NO_CHECKPOINT),
    "cut": (truncated, NO_CHECKPOINT),
    "contents elsewhere": (moved, f"{NO_CHECKPOINT}|unknown architecture"),
    "bomb of a pickle": (bomb("data.pkl"), "memory|not a checkpoint"),
    "bomb of numbers": (bomb("data/0"), "memory|not a checkpoint"),
    "numbers that are not there": (
        archived(storage(2**40), **{"data/0": bytes(24)}),
        "cannot|not a",
    ),
    "view beyond its numbers": (
        archived(storage(6, (2**20, 2**20), (1, 1)), **{"data/0": bytes(24)}),
        "cannot|not a",
    ),
    "view before its numbers": (
        archived(storage(6, (2,), (1,), at=-(2**40)), **{"data/0": bytes(24)}),
        "cannot|not a",
    ),
    "view backwards": (
        archived(storage(6, (2,), (-(2**40),)), **{"data/0": bytes(24)}),
        "cannot|not a",
    ),
    "terabyte of one number": (saved({"a": torch.ones(1).expand(2**20, 2**20)}), "memory"),
    "sides whose product is 2⁶⁴": (
        archived(storage(1, (2**32, 2**32), (0, 0)), **{"data/0": bytes(4)}),
        "cannot|not a|memory",
    ),
    "lists in lists": (archived(nested(10**6)), "holds a list|cannot|not a|refused"),
    "wrappings in wrappings": (
        archived(b"\x80\x02" + b"}X\x05\x00\x00\x00model" * 10**5 + b"}" + b"s" * 10**5 + b"."),
        "none|cannot",
    ),
    "laughter": (archived(laughing(60)), "takes more than|not a"),
    "text of an exabyte": (
        archived(b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"a."),
        NO_CHECKPOINT,
    ),
    "memo without end": (archived(b"\x80\x02}r\xff\xff\xff\xff."), "holds|none|not a"),
    "names of several lines": (
        saved({"a\nb\x1b[2J": WEIGHTS, "c": WEIGHTS}),
        "several networks or none in it",
    ),
    "of another network": (saved(WEIGHTS), "unknown architecture|refused"),
    "weights elsewhere": (saved({"a": torch.empty(2**40, device="meta")}), "cannot|refused|not a"),
    "numbers of a sparse": (saved({"a": torch.eye(2).to_sparse()}), "cannot|unknown|refused|not a"),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><html>404"), NO_CHECKPOINT),
    "pointer": (lambda path: path.write_text("version https://git-lfs.github.com/"), NO_CHECKPOINT),
    "a terabyte": (huge(2**40), "refused|not a"),
    "folder": (Path.mkdir, "no such file|a folder"),
    "pipe": (os.mkfifo, "no such file|a pipe"),
    "zero device": (lambda path: path.symlink_to("/dev/zero"), "no such file|a pipe"),
}
SAFETENSORS: dict[str, tuple[Build, str]] = {
    "pickle": (saved({"b": Evil()}), DAMAGED),
    "empty": (Path.touch, DAMAGED),
    "header of eight gigabytes": (
        safe({"a": tensor()}, length=8 * 10**9, size=2**34),
        f"{DAMAGED}|cannot be read",
    ),
    "header of an exabyte": (safe({"a": tensor()}, length=2**63), DAMAGED),
    "header beyond the file": (safe({"a": tensor()}, length=500), DAMAGED),
    "header of zeros": (safe(b"\0" * 99), DAMAGED),
    "100,000 brackets": (safe(b'{"a":' + b"[" * 10**5), DAMAGED),
    "numbers of two": (safe({"a": tensor(), "b": tensor(0, 24)}), DAMAGED),
    "numbers that overlap": (safe({"a": tensor(), "b": tensor(12, 36)}, size=36), DAMAGED),
    "numbers beyond the end": (safe({"a": tensor(0, 2**40)}), DAMAGED),
    "numbers backwards": (safe({"a": tensor(24, 0)}), DAMAGED),
    "numbers before the beginning": (safe({"a": tensor(-24, 0)}), DAMAGED),
    "a hole": (safe({"a": tensor(), "b": tensor(48, 72)}, size=72), DAMAGED),
    "sides whose product is 2⁶⁴": (safe({"a": tensor(0, 0, (2**32, 2**32))}, size=0), DAMAGED),
    "other sides": (safe({"a": tensor(shape=(2, 4))}), DAMAGED),
    "type of 2099": (safe({"a": tensor(kind="F99")}), DAMAGED),
    "notes that are no text": (safe({"__metadata__": {"a": [1]}, "a": tensor()}), DAMAGED),
    "cut": (safe({"a": tensor()}, size=8), DAMAGED),
    "halves of 16 gigabytes": (
        safe({"a": tensor(0, 2**34, (2**33,), "F16")}, size=2**34),
        "memory|refused|gigabyte|GiB|damaged",
    ),
    "NaN": (safe({"a": tensor()}), "unknown architecture|not finite|refused"),
}
