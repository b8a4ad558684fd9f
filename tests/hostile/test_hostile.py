"""Law: no file that means harm is taken, nothing of it is run; each is refused in one clear line.

It comes by the doors of the command line, in processes with 4 GB of addresses. A folder that the
harm would make is the canary.
"""

import os
import re
import sys
from pathlib import Path

import hostile_checkpoints as checkpoints
import hostile_graphs as graphs
import numpy as np
import pytest
from PIL import Image

import nursery as nurseries

MEMORY = 4 * 2**30
SECONDS = 20
"""Of processor time: those of the clock are also those of others."""
GRAPHS = {
    f"{kind}: {name}": case
    for kind in ("NO_MODELS", "GRAPHS", "CONTRACTS")
    for name, case in getattr(graphs, kind).items()
}
PICKLES, SAFETENSORS = checkpoints.PICKLES, checkpoints.SAFETENSORS
REST = pytest.mark.slow


def table(cases, every: int = 18) -> list:
    """One of `every`; others are slow, most of them left out where GANTOOL_SLOW is below 1."""
    step = every // 6 if float(os.environ.get("GANTOOL_SLOW", "1")) < 1 else 1
    return [
        pytest.param(*case, id=name, marks=[REST] if at % every else [])
        for at, (name, case) in enumerate(cases.items())
        if at % step == 0
    ]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere addresses have no limit, or processes cannot be forked")
    imports = (
        "onnx",
        "torch",
        "safetensors.torch",
        "gantool.export",
        "gantool_translate.reference",
    )
    alone = {"OMP_NUM_THREADS": "1"}  # threads do not survive a fork
    with nurseries.opened(tmp_path_factory.mktemp("logs"), alone, imports) as nursery:
        yield nursery


@pytest.fixture(scope="module")
def toll():
    """Memory and processor time of each command; -s shows the most."""
    taken: list[tuple[int, float]] = []
    yield taken
    most, longest = (max(each) for each in zip(*taken, strict=True))
    print(f"{len(taken)}: at most {most / 2**20:.0f} MB and {longest:.1f} s")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """The current folder: with a picture, and a module that a pickle may ask for."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save("picture.png")
    Path("evil.py").write_text(f"import os; os.mkdir({checkpoints.CANARY!r})")
    return tmp_path


@pytest.fixture
def refused(nursery, toll, here):
    """Hold the law of a command on the file that is named `harm`."""

    def hold(said: str, *words: str, fresh: bool = False) -> None:
        before = set(here.rglob("*"))
        run = nursery.start(*words, most=MEMORY, alone=not fresh, fresh=fresh, folder=str(here))
        code = run.wait(150)
        assert (code, run.out) == (4, ""), run.err
        (line,) = run.err.splitlines()
        assert line.startswith("gantool: ")
        assert "harm" in line
        assert line.isprintable()
        assert re.search(said, line), line
        assert len(line) < 600
        assert run.memory < MEMORY
        assert run.seconds < SECONDS
        assert set(here.rglob("*")) == before
        assert not Path("/tmp", checkpoints.CANARY).exists()
        toll.append((run.memory, run.seconds))

    return hold


@pytest.mark.parametrize(("build", "said"), table(GRAPHS))
def test_models_that_mean_harm_are_not_run(build, said, refused, here):
    build(here / "harm.onnx")
    words = ("run", str(here / "harm.onnx"), "picture.png", "-o", "out.png", "--device", "cpu")
    refused(said, *words)


@pytest.mark.parametrize(("build", "said"), table(PICKLES))
def test_checkpoints_that_mean_harm_are_not_imported(build, said, refused, here):
    build(here / "harm.pth")
    refused(said, "models", "import", str(here / "harm.pth"), "--task", "translate")


@pytest.mark.parametrize(("build", "said"), table(SAFETENSORS))
def test_safetensors_that_lie_are_not_imported(build, said, refused, here):
    build(here / "harm.safetensors")
    refused(said, "models", "import", str(here / "harm.safetensors"), "--task", "translate")


@pytest.mark.parametrize(("build", "said"), table(graphs.NO_MODELS | graphs.GRAPHS, 72))
def test_models_that_mean_harm_are_not_imported(build, said, refused, here):
    """The words differ where files of any contract are looked at, and what is wrong does not."""
    build(here / "harm.onnx")
    refused("", "models", "import", str(here / "harm.onnx"), "--task", "superres")
