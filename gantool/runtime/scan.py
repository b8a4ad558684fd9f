"""What a model file must be before onnxruntime sees it.

One regular file, behind a link or not (package installers and model hubs link; it is data beside
the file that could lead anywhere, and that is refused altogether), that holds a plain network from
pictures to pictures: operators of ONNX itself, nothing that repeats or branches, and finite
weights of the sizes that it announces. Only such a file may have a graph in the cache.
"""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import ModelError
from gantool.runtime import opening

if TYPE_CHECKING:
    import onnx

    from gantool.runtime.contract import Contract

LARGEST = 2 * 2**30
"""Bytes of a model file; protobuf takes no more."""
PARTS = 100_000
"""Most weights, functions, inputs and so on, each; two bytes of a file may announce one."""
TOLD = 2**20
"""Bytes of one entry of the metadata."""
OLDEST = 18
"""Operator set; older ones have another Resize and other reductions."""
NOT_ONNX = "not an ONNX model file, or a damaged one: get it again"
_OTHER_FILES = {
    b"version https://git-lfs": "a Git LFS pointer: run git lfs pull, or download the file itself",
    b"<!doctype html": "a web page: download the file itself",
    b"<html": "a web page: download the file itself",
}
_passed: set[str] = set()
"""Hashes of what was looked through in this process."""


def load(path: Path, digest: str | None = None, *, oldest: int = OLDEST) -> onnx.ModelProto:
    """The model in the file at `path`, looked through. Raises ModelError, naming the file.

    `digest` is the sha256 that its content must still have, `oldest` the first operator set.
    """
    import onnx

    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if digest not in (None, found):
        raise ModelError(f"{path}: changed while it was read: try again")
    try:
        model = onnx.load_model_from_string(content)
        if found not in _passed:
            check(model, oldest=oldest)
            _passed.add(found)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:  # damaged bytes make protobuf raise anything
        raise ModelError(f"{path}: {NOT_ONNX}") from error
    return model


def check_file(path: Path) -> None:
    """Raises ModelError for what is no file or too large a one; nothing is read."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{path}: cannot be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise ModelError(f"{path}: cannot be read: {kind}, not a file: give the .onnx file")
    if status.st_size > LARGEST:
        size = status.st_size / 2**30
        raise ModelError(f"{path}: {size:.1f} GiB, and a model may have 2: store it as float16")


def check(model: onnx.ModelProto, *, oldest: int = OLDEST) -> None:
    """Raises ModelError, without the file's name, for what no network for pictures needs."""
    from gantool.runtime import operators, tensors  # they bring onnx

    if not (model.graph.node and model.graph.input and model.graph.output):
        raise ModelError(NOT_ONNX)
    _check_counts(model)
    _check_opset(model, oldest)
    if model.training_info:
        raise ModelError("refused: it holds parts for training: export the network alone")
    for sparse in model.graph.sparse_initializer:
        tensors.check_sparse(sparse)
    for tensor in model.graph.initializer:
        tensors.check(tensor)
    if len({each.name for each in model.graph.initializer}) < len(model.graph.initializer):
        raise ModelError("refused: two of its weights have the same name: export it again")
    operators.check(model)


def check_ends(model: onnx.ModelProto, contract: Contract) -> None:
    """Raises ModelError where inputs and outputs are not those that `contract` speaks of."""
    first, *further = model.graph.input
    if not _pictures(first) or any(_sides(first)[2:]):
        raise ModelError(
            f"takes {form(first)}, not pictures float32 N×3×H×W of any height and width: "
            "export it again"
        )
    names = {each.name for each in further} - set(contract.conditions)
    if names:
        listed = ", ".join(ascii(name[:60]) for name in sorted(names)[:8])
        raise ModelError(f"takes {listed} beside the picture, unknown to its contract")
    if len(model.graph.output) != 1 or not _pictures(model.graph.output[0]):
        given = " and ".join(form(each) for each in model.graph.output[:4])
        raise ModelError(f"gives {given}, not pictures float32 N×3×H×W alone: export it again")


def _read(path: Path) -> bytes:
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)  # it may grow meanwhile
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    start = content[:64].lstrip().lower()
    for mark, what in _OTHER_FILES.items():
        if start.startswith(mark):
            raise ModelError(f"{path}: not an ONNX model file but {what}")
    return content


def _check_counts(model: onnx.ModelProto) -> None:
    """Before anything goes through them one by one."""
    for holder in (model, model.graph):
        for kind, parts in holder.ListFields():
            if kind.name != "node" and kind.is_repeated and len(parts) > PARTS:
                raise ModelError(f"refused: it has {len(parts):,} of {kind.name}")
    if any(entry.ByteSize() > TOLD for entry in model.metadata_props):
        raise ModelError("refused: an entry of its metadata is larger than a megabyte")


def _check_opset(model: onnx.ModelProto, oldest: int) -> None:
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    newest = opening.newest_opset()
    if len(versions) != 1 or not oldest <= versions[0] <= newest:
        found = " and ".join(str(version) for version in versions[:4]) or "none"
        older = versions and max(versions) < oldest
        fix = f"export it again with {oldest}" if older else "update onnxruntime, or export again"
        raise ModelError(f"its operator set is {found}, and {oldest} to {newest} are known: {fix}")


def _pictures(value: onnx.ValueInfoProto) -> bool:
    kind, sides = value.type.tensor_type, _sides(value)
    return kind.elem_type == 1 and len(sides) == 4 and sides[1] in (0, 3)  # 1: float32


def _sides(value: onnx.ValueInfoProto) -> list[int]:
    """0 for any length."""
    return [each.dim_value for each in value.type.tensor_type.shape.dim]


def form(value: onnx.ValueInfoProto) -> str:
    """Type and sides of an input or output, in words."""
    from onnx import TensorProto

    kinds = {number: name.lower() for name, number in TensorProto.DataType.items()}
    kind = kinds.get(value.type.tensor_type.elem_type, "something else")
    return f"{kind} {'×'.join(str(side or '?') for side in _sides(value)[:8])}".strip()
