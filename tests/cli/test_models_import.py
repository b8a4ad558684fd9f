"""Laws of `gantool models import`: a stranger's checkpoint becomes a model like any other."""

import contextlib
import hashlib
import importlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import gantool as package
import reference_networks as theirs
from gantool import api, plugin_manager
from gantool.cli.app import start
from gantool.media.carry import Carry
from gantool.media.images import read_image, write_image
from gantool.training import foreign

torch.set_num_threads(1)
NETWORK = theirs.trained(theirs.resnet(2, 1))
IMPORT = ("models", "import")
TASK = ("--task", "translate")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> tuple[Path, Ended]:
    """A folder with a checkpoint and a home where it has been imported; how that ended."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "Van Gogh_pretrained").mkdir()
    checkpoint = folder / "Van Gogh_pretrained" / "latest_net_G.pth"
    torch.save(theirs.state(NETWORK), checkpoint)
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setenv("XDG_DATA_HOME", str(folder / "home"))
        code = start([*IMPORT, str(checkpoint), *TASK])
    return folder, Ended(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def here(imported, tmp_path, monkeypatch) -> Path:
    """A copy of all that, with a picture, as the current folder."""
    shutil.copytree(imported[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shutil.move("Van Gogh_pretrained/latest_net_G.pth", "g.pth")
    frame = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)
    write_image(Path("a.png"), frame, Carry())
    return tmp_path


@pytest.fixture
def gantool(capfd):
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        return Ended(start(list(arguments)), *capfd.readouterr())

    return run


@pytest.fixture
def quick(monkeypatch) -> None:
    """Checkpoints are read in this process."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        foreign.convert(Path(command[-2]), Path(command[-1]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(foreign.subprocess, "run", run)


def files() -> set[str]:
    """All in the user's folder of models."""
    return {str(path.relative_to("home")) for path in Path("home").rglob("*") if path.is_file()}


def test_import_prints_the_name_and_says_what_was_recognised(imported):
    folder, ended = imported
    assert (ended.code, ended.out) == (0, "translate/van-gogh\n")
    first, last = ended.err.splitlines()
    assert first.startswith(f"{folder}/Van Gogh_pretrained/latest_net_G.pth: reference-resnet-1 ")
    assert "translate/van-gogh.onnx: licence unknown, halo 0, parity 0" in last


def test_it_is_in_the_catalogue_under_the_name_of_its_folder(gantool):
    (row,) = (line for line in gantool("models", "list").out.splitlines() if "van-gogh" in line)
    assert " ".join(row.split()) == "translate/van-gogh unknown imported from latest_net_G.pth"
    model = api.registry().models["translate/van-gogh"]
    assert hashlib.sha256(Path(model.source).read_bytes()).hexdigest() == model.sha256
    assert gantool("models", "path", "translate/van-gogh").out == f"{model.source}\n"
    said = api.model_info("translate/van-gogh")
    assert (said["name"], said["licence"]) == ("van-gogh", "unknown")


def test_it_runs_by_its_name(gantool):
    ended = gantool("run", "translate/van-gogh", "a.png", "-o", "out.png", "--device", "cpu")
    assert (ended.code, ended.out) == (0, "out.png\n")
    frame, _ = read_image(Path("a.png"))
    result, _ = read_image(Path("out.png"))
    assert (result == package.load("translate/van-gogh", device="cpu")(frame)).all()
    assert "Did you mean translate/van-gogh?" in gantool("run", "translate/vangogh", "a.png").err


@pytest.mark.slow
def test_model_can_be_replaced(gantool):
    given = ("--name", "van-gogh", "--overwrite", "--licence", "MIT")
    assert gantool(*IMPORT, "g.pth", *TASK, *given).code == 0
    model = api.registry().models["translate/van-gogh"]
    assert (model.licence, model.note) == ("MIT", "imported from g.pth")
    assert api.model_info("translate/van-gogh")["licence"] == "MIT"


def test_model_can_be_removed(gantool):
    ended = gantool("models", "rm", "translate/van-gogh")
    assert (ended.code, ended.out) == (0, "")
    assert files() == set()
    assert "translate/van-gogh" not in gantool("models", "list").out
    assert gantool("run", "translate/van-gogh", "a.png").code == 4


def nan(path: Path) -> None:
    weights = theirs.state(NETWORK)
    torch.save({**weights, "model.4.bias": torch.full((4,), torch.nan)}, path)


class Evil:
    """When its pickle is loaded, it makes the folder `made`."""

    def __reduce__(self):
        return os.mkdir, ("made",)


REFUSED = {
    "no task": ([], 2, "--task", None),
    "unknown task": (["--task", "translat"], 2, "did you mean translate?", None),
    "name in use": ([*TASK, "--name", "van-gogh"], 2, "van-gogh: there already", None),
    "name of a plugin's": (
        [*TASK, "--name", "edges2cats", "--overwrite"],
        2,
        "a plugin's model has this name",
        None,
    ),
    "name with a slash": ([*TASK, "--name", "../x"], 2, "--name ../x: use a-z", None),
    "missing file": (TASK, 4, "new.pth: no such file", Path.unlink),
    "no checkpoint": (TASK, 4, "new.pth: not a checkpoint", lambda path: path.write_text("<html>")),
    "code": (TASK, 4, "asks for posix.mkdir", lambda path: torch.save({"a": Evil()}, path)),
    "discriminator": (
        TASK,
        4,
        "new.pth: a discriminator",
        lambda path: torch.save(theirs.state(theirs.discriminator(2)), path),
    ),
    "other network": (
        TASK,
        4,
        "new.pth: unknown architecture: expected a ResNet-9",
        lambda path: torch.save({"conv.weight": torch.ones(2)}, path),
    ),
    "weights that are not finite": (TASK, 4, "new.pth: its weights are not finite", nan),
}


@pytest.mark.parametrize(("options", "code", "said", "damage"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("quick")
def test_refusal_is_one_clear_line_and_nothing_is_written(options, code, said, damage, gantool):
    before = files()
    Path("g.pth").rename("new.pth")
    if damage:
        damage(Path("new.pth"))
    ended = gantool(*IMPORT, "new.pth", *options)
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert said in ended.err
    assert files() == before
    assert not Path("made").exists()


@pytest.mark.slow
def test_result_that_differs_from_torch_is_refused_and_leaves_nothing(gantool, monkeypatch):
    from gantool import export

    monkeypatch.setattr(export, "parity", lambda *_: 1.5)
    before = files()
    ended = gantool(*IMPORT, "g.pth", *TASK, "--name", "van-gogh", "--overwrite")
    assert (ended.code, ended.out) == (4, "")
    assert "onnxruntime differs from torch by 1.50 levels" in ended.err
    assert files() == before


def test_plugins_models_are_not_removed(gantool):
    ended = gantool("models", "rm", "translate/edges2cats")
    assert (ended.code, ended.out) == (2, "")
    assert "comes with a plugin" in ended.err
    assert api.model_path("translate/edges2cats").is_file()


def test_damaged_note_is_named_and_the_rest_works(gantool):
    Path("home/gantool/models/translate/van-gogh.json").write_text("{")
    ended = gantool("models", "list")
    assert ended.code == 0
    assert "translate/edges2cats" in ended.out
    (line,) = ended.err.splitlines()
    assert line.startswith("gantool: model translate/van-gogh is off: ")
    assert gantool("models", "rm", "translate/van-gogh").code == 0
    assert gantool("models", "list").err == ""


def test_model_that_a_plugin_has_got_meanwhile_is_the_plugins(gantool):
    folder = Path("home/gantool/models/translate")
    for file in list(folder.iterdir()):
        file.rename(file.with_stem("edges2cats"))
    ended = gantool("models", "path", "translate/edges2cats")
    assert "gantool_translate" in ended.out
    assert "the imported one is hidden: gantool models rm translate/edges2cats" in ended.err
    assert gantool("models", "rm", "translate/edges2cats").code == 0
    assert files() == set()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("x/style_vangogh_pretrained/latest_net_G.pth", "style_vangogh"),
        ("x/Horse 2 Zebra/200_net_G_A.pth", "horse-2-zebra"),
        ("x/horse2zebra/latest_net_G_B.pth", "horse2zebra-back"),
        ("x/style_monet.pth", "style_monet"),
        ("x/Grüße!.safetensors", "gr-e"),
    ],
)
def test_name_is_that_of_the_file_or_of_its_folder(file, name, monkeypatch):
    from gantool.api import importing

    monkeypatch.setattr(importing, "_read", lambda *_: (None, None))
    monkeypatch.setattr(importing, "_kind", str)
    monkeypatch.setattr("gantool.training.foreign.weights", lambda *_: {})
    assert importing.prepare_import(Path(file), task="translate").name == f"translate/{name}"


BROKEN = {
    "that raises": ("def read(weights):\n    return 1 / 0", "ZeroDivisionError: division by zero"),
    "that is missing": ("", "has no attribute 'read'"),
    "that cannot be imported": ("import no_such_module_here", "No module named"),
}


@pytest.mark.parametrize(("source", "said"), BROKEN.values(), ids=BROKEN)
@pytest.mark.usefixtures("quick")
def test_broken_importer_is_named(source, said, gantool, here, monkeypatch):
    info = here / "haze-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: haze\nVersion: 1.0")
    (info / "entry_points.txt").write_text("[gantool.importers]\nhaze = plug_importer:read\n")
    (here / "plug_importer.py").write_text(source)
    monkeypatch.syspath_prepend(here)
    importlib.invalidate_caches()
    plugin_manager.load.cache_clear()
    try:
        ended = gantool(*IMPORT, "g.pth", "--task", "haze")
    finally:
        plugin_manager.load.cache_clear()
        sys.modules.pop("plug_importer", None)
    assert (ended.code, ended.err.count("\n")) == (6, 1)
    assert "importer haze" in ended.err
    assert said in ended.err


def test_without_torch_it_says_what_to_install_and_imported_models_run():
    without = "import sys\nsys.modules['torch'] = None\nfrom gantool.cli import main\nmain()"
    command = [sys.executable, "-c", without]
    done = subprocess.run([*command, *IMPORT, "g.pth", *TASK], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert 'pip install "gantool[train]"' in done.stderr
    run = [*command, "run", "translate/van-gogh", "a.png", "--device", "cpu"]
    assert subprocess.run(run, capture_output=True).returncode == 0


def test_listing_imported_models_loads_nothing_heavy():
    spy = "import sys\nfrom gantool.cli.app import start\nstart(['models', 'list'])"
    command = [sys.executable, "-c", f"{spy}\nprint(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "translate/van-gogh" in done.stdout
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"torch", "onnxruntime", "onnx", "numpy", "cv2", "PIL"}
