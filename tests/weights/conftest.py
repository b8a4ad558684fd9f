"""The build of shipped models lies beside the packages: make it importable; pictures, a recipe."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WEIGHTS = Path(__file__).parent.parent.parent / "weights"
sys.path.append(str(WEIGHTS))

TINY = """
model = "superres/tiny"
ships = "tiny.onnx"
card = "CARD.md"
licence = "CC0-1.0"
data = "seven drawn pictures"
machine = "any"
hours = 0.01
gates = ["python -c \\"import sys, os; sys.exit(not os.path.getsize(sys.argv[1]))\\" {model}"]

[folders]
photos = ["one", { pictures = "two", every = 2, times = 2 }]

[figures]
two = "python -c \\"print({'sides': 2}.__repr__().replace(chr(39), chr(34)))\\""

[[phases]]
name = "warm"
train = "superres-fidelity"
on = "photos"
stop = 4
options = { steps = 6, channels = 16, layers = 2, crop = 12, batch = 2, scale = 2 }

[[phases]]
name = "sharp"
train = "superres-fidelity"
on = "photos"
init = "warm"
options = { steps = 60, batch = 2 }

[gpu]
options = { batch = 3 }

[gpu.phases.sharp]
options = { steps = 80 }
"""


@pytest.fixture
def pictures(tmp_path) -> Path:
    """A data folder: `one` with four pictures, `two` with three."""
    random = np.random.default_rng(0)
    for name, count in (("one", 4), ("two", 3)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            coarse = random.integers(0, 255, (12, 12, 3), np.uint8)
            picture = Image.fromarray(coarse).resize((96, 96))
            picture.save(tmp_path / "data" / name / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def recipe_file(tmp_path):
    """Writes a recipe file: TINY, with some texts replaced."""

    def write(*changes: tuple[str, str]) -> Path:
        text = TINY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "tiny.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def command_file(recipe_file):
    """Writes a recipe file of phases p0, p1 … that are commands, without trainings."""

    def write(*runs: str, gates: tuple[str, ...] = ()) -> Path:
        path = recipe_file()
        head = path.read_text().split("gates = ")[0]
        phases = [
            f"[[phases]]\nname = 'p{n}'\nrun = {json.dumps(run)}\n" for n, run in enumerate(runs)
        ]
        path.write_text("\n".join([f"{head}gates = {json.dumps(gates)}", *phases]))
        return path

    return write
