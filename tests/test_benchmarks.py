"""The benchmarks run: they answer --help and print their rows."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gantool

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
X4, X2 = "superres/photo-x4-fidelity", "superres/photo-x2-fidelity"


def ran(name: str, *arguments: object) -> str:
    """What a benchmark prints; it must end well."""
    command = [sys.executable, str(BENCHMARKS / name), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    y, x = np.mgrid[:49, :62]
    waves = np.dstack([np.sin(x / 3), np.cos(y / 4), np.sin((x + y) / 5)]) * 100 + 128
    Image.fromarray(waves.astype(np.uint8)).save(folder / "waves.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("speed.py", "--rows"),
        ("batches.py", "--files"),
        ("quality.py", "--model"),
        ("training.py", "--threads"),
        ("harm.py", "--task"),
        ("droplets.py", "--sheets"),
    ],
)
def test_help_names_the_options(name, option):
    text = ran(name, "--help")
    assert f"python benchmarks/{name}" in text
    assert option in text


@pytest.mark.slow
def test_speed_prints_the_rows_that_are_asked_for(tmp_path):
    file = tmp_path / "speed.json"
    text = ran("speed.py", "--rows", "M2,C3", "--repeat", 1, "--frames", "24x16", "--json", file)
    told = json.loads(file.read_text())
    assert [row["id"] for row in told["rows"]] == ["M2", "M2", "C3"]
    assert [line[:2] for line in text.splitlines()[1:-1]] == ["M2", "M2", "C3"]
    assert "load" in text.splitlines()[0]
    for row, line in zip(told["rows"], text.splitlines()[1:-1], strict=True):
        assert row["ok"] == line.endswith(" ok")
        assert row["what"] in line
    assert told["machine"]["gantool"] == gantool.__version__


@pytest.mark.slow
def test_batches_are_measured_in_small_too(tmp_path):
    file = tmp_path / "batches.json"
    ran("batches.py", "--rows", "B1,M1,P14", "--files", 60, "--megapixels", 1, "--json", file)
    rows = json.loads(file.read_text())["rows"]
    assert [row["id"] for row in rows] == ["B1", "B1", "M1", "M1", "M1", "P14"]
    assert all(0 < row["value"] < 2 for row in rows if row["id"] == "M1")


@pytest.mark.slow
def test_training_steps_are_measured_beside_plain_ones():
    text = ran("training.py", "--rows", "cyclegan", "--channels", 4, "--size", 32, "--steps", 1)
    assert sum(line.startswith("T1  cyclegan, transposed, ") for line in text.splitlines()) == 2
    assert sum(line.startswith("T1  cyclegan, resize, ") for line in text.splitlines()) == 2


@pytest.mark.slow
def test_the_cost_of_starting_is_measured():
    text = ran("speed.py", "--rows", "S1,S2", "--repeat", 1)
    assert [line[:2] for line in text.splitlines()[1:-1]] == ["S1", "S1", "S1", "S1", "S2"]
    assert "heavy imports of --version    " in text
    assert "heavy imports of --help    " in text


def test_a_row_that_there_is_not_is_refused():
    command = [sys.executable, str(BENCHMARKS / "speed.py"), "--rows", "C3,X9"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no row X9; there are C1, C3, C4, S1, S2, M2" in done.stderr


@pytest.mark.slow
def test_quality_prints_a_line_per_set_scale_and_way(pictures, tmp_path):
    file = tmp_path / "quality.json"
    text = ran("quality.py", pictures, "--json", file)
    table = json.loads(file.read_text())
    assert [(row["scale"], row["by"]) for row in table] == [
        (4, "bicubic"),
        (4, X4),
        (2, "bicubic"),
        (2, X2),
    ]
    assert len(text.splitlines()) == 4
    assert all(row["set"] == pictures.name for row in table)
    assert all(20 < row[f"psnr_y_crop{row['scale']}"] < 60 for row in table)
