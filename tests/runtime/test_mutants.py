"""Law: whatever a model file has become, it makes pictures or is refused in one line.

Each mutant is opened and run in a child process; one that takes the child with it is named.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import onnx
import pytest
from onnx import helper

import models
from gantool.runtime.contract import KEY, Contract

MUTANTS = 2000
HANGS = 90
"""Seconds without a sign of life."""
CHILD = """
import json, sys
from pathlib import Path
import numpy as np
from gantool.errors import GantoolError
from gantool.runtime.session import Session
frame = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8)
for name in sys.stdin.read().split():
    print(json.dumps([name, None]), flush=True)
    try:
        session = Session(Path(name), tile=16, most=10**7)
        result = session(frame)
        scale = session.contract.scale
        ok = result.shape == (24 * scale, 20 * scale, 3)
        said = "picture" if ok else f"a picture of {result.shape}"
    except GantoolError as error:
        said = "refused" if str(error).count("\\n") == 0 else "more than a line"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([name, said]), flush=True)
"""


def seeds(folder: Path) -> list[bytes]:
    """Models of several kinds, the shipped ones among them."""
    convolution = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["c", "ones", "zeros"], ["n"]),
        helper.make_node("Relu", ["n"], ["y"]),
    ]
    draw = models.np.random.default_rng(0)
    weights = {
        "w": draw.standard_normal((3, 3, 3, 3)).astype("f"),
        "ones": models.np.ones(3, "f"),
        "zeros": models.np.zeros(3, "f"),
    }
    whole = Contract("run", statistics="global")
    own = [
        models.bilinear(folder / "x2.onnx"),
        models.save(folder / "norm.onnx", convolution, whole, **weights),
    ]
    plugins = Path(__file__).parents[2] / "plugins"
    shipped = plugins / "gantool_superres" / "models" / "photo-x2-fidelity.onnx"
    return [path.read_bytes() for path in (*own, shipped)]


def mutant(seed: bytes, draw: random.Random) -> bytes:
    """The file with one to three changes."""
    for _ in range(draw.randint(1, 3)):
        seed = draw.choice((flipped, cut, doubled, removed, renamed, resized, retold))(seed, draw)
    return seed


def flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randint(0, len(data))]


def doubled(data: bytes, draw: random.Random) -> bytes:
    start = draw.randint(0, len(data))
    part = data[start : start + draw.choice((1, 16, 400))]
    at = draw.randint(0, len(data))
    return data[:at] + part + data[at:]


def removed(data: bytes, draw: random.Random) -> bytes:
    start = draw.randint(0, len(data))
    return data[:start] + data[start + draw.choice((1, 16, 400)) :]


def edited(data: bytes, change) -> bytes:
    """With `change` made to the model, where it is still one."""
    try:
        model = onnx.load_model_from_string(data)
        change(model)
        return model.SerializeToString()
    except Exception:
        return data


def renamed(data: bytes, draw: random.Random) -> bytes:
    """Another operator for one, or another name for what it takes."""

    def change(model: onnx.ModelProto) -> None:
        node = draw.choice(model.graph.node)
        if draw.random() < 0.5 and node.input:
            node.input[draw.randrange(len(node.input))] = draw.choice(("", "x", "y", "nobody"))
        else:
            node.op_type = draw.choice(
                ("Loop", "If", "Tile", "Expand", "Conv", "Gemm", "Resize", "Evil", "Reshape", "Exp")
            )

    return edited(data, change)


def resized(data: bytes, draw: random.Random) -> bytes:
    """Another length for a side of a weight, or another number in an attribute."""

    def change(model: onnx.ModelProto) -> None:
        extreme = draw.choice((0, 1, -1, 7, 2**31 - 1, 2**40, -(2**60)))
        tensors = [each for each in model.graph.initializer if each.dims]
        nodes = [each for node in model.graph.node for each in node.attribute if each.ints]
        if tensors and (draw.random() < 0.5 or not nodes):
            dims = draw.choice(tensors).dims
            dims[draw.randrange(len(dims))] = extreme
        elif nodes:
            ints = draw.choice(nodes).ints
            ints[draw.randrange(len(ints))] = extreme

    return edited(data, change)


def retold(data: bytes, draw: random.Random) -> bytes:
    """A contract that says something else."""

    def change(model: onnx.ModelProto) -> None:
        told = json.loads(model.metadata_props[0].value)
        key = draw.choice(("scale", "halo", "align", "multiple", "minimum", "statistics", "task"))
        told[key] = draw.choice((0, 1, 2, 3, 16, 64, 10**4, 10**9, -1, "global", None, [], 0.5))
        del model.metadata_props[:]
        model.metadata_props.add(key=KEY, value=json.dumps(told))

    return edited(data, change)


def verdicts(paths: list[Path]) -> dict[str, str]:
    """What became of each mutant."""
    found: dict[str, str] = {}
    rest = [str(path) for path in paths]
    while rest:
        at, said = one_child(rest, found)
        if at is None:
            break
        found[at] = said
        rest = rest[rest.index(at) + 1 :]
    return found


def one_child(names: list[str], found: dict[str, str]) -> tuple[str | None, str]:
    """Run `names` in a child; the one that it did not survive, and how it ended."""
    command = [sys.executable, "-c", CHILD]
    try:
        done = subprocess.run(
            command,
            input="\n".join(names).encode(),
            capture_output=True,
            timeout=HANGS + 2 * len(names),
        )
        out, how = done.stdout, f"ends the process with {done.returncode}"
    except subprocess.TimeoutExpired as error:
        out, how = error.stdout or b"", "hangs"
        done = None
    last = None
    for line in out.decode().splitlines():
        name, said = json.loads(line)
        last = name if said is None else None
        if said is not None:
            found[name] = said
    if done is not None and done.returncode == 0:
        assert not done.stderr, done.stderr[:500]
        return None, ""
    return last or names[0], how


@pytest.mark.slow
def test_mutants_make_pictures_or_are_refused_in_one_line(tmp_path, scale):
    draw = random.Random(0)
    originals = seeds(tmp_path)
    paths = []
    for number in range(round(MUTANTS * scale)):
        paths.append(tmp_path / f"{number}.onnx")
        paths[-1].write_bytes(mutant(draw.choice(originals), draw))
    found: dict[str, str] = {}
    for start in range(0, len(paths), 250):
        found |= verdicts(paths[start : start + 250])
    assert len(found) == len(paths)
    bad = {name: said for name, said in found.items() if said not in ("picture", "refused")}
    assert not bad, f"{len(bad)}: {list(bad.items())[:5]}"
    counts = Counter(found.values())
    print(counts)
    assert counts["picture"] > len(paths) / 50  # they are not all refused at the door
    assert counts["refused"] > len(paths) / 4
