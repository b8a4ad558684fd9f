"""A folder with every file that the pages name, as small as may be."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from pages import ROOT, text
from PIL import Image
from skimage import data

from clips import Sound, film, frames
from gantool import api
from gantool_refine_synthetic import eyes

Make = Callable[[Path], object]
LONG = [90_000 * 20 * number for number in range(8)]
"""Ticks of a film of two minutes and a half in few frames."""


def photo(path: Path, size: tuple[int, int] = (208, 196), *, grey: bool = False) -> None:
    """A cat, less than anything that is photographed, but no noise."""
    picture = Image.fromarray(data.chelsea()).resize(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture.convert("L") if grey else picture).save(path)


def portrait(path: Path) -> None:
    shutil.copyfile(ROOT / "examples" / "astronaut.jpg", path)


def drawing(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    edges = 255 - cv2.Canny(data.chelsea()[:144, :176], 60, 140)
    Image.fromarray(edges).convert("RGB").save(path)


def folder(*names: str, make: Make = photo) -> Make:
    """Files of these names, each made by `make`."""

    def made(path: Path) -> None:
        for name in names:
            make(path / name)

    return made


def grey(path: Path) -> None:
    photo(path, grey=True)


def clip(path: Path) -> None:
    film(path, frames(3, 64, 36), sound=[Sound(seconds=0.1)])


def long_clip(path: Path) -> None:
    film(path, frames(len(LONG), 64, 36), times=LONG)


def grey_clip(path: Path) -> None:
    film(path, [np.repeat(each[..., :1], 3, axis=2) for each in frames(3, 64, 36)])


def interview(path: Path) -> None:
    film(path, [data.astronaut()[:256, 96:352]] * 2)


def renders(path: Path) -> None:
    eyes.write(path, 3, seed=1)


def model(name: str) -> Make:
    return lambda path: shutil.copyfile(api.model_path(name), path)


SAMPLES: dict[str, Make] = {
    "photo.jpg": photo, "rainy.jpg": photo, "in.jpg": photo, "holiday.jpg": photo,
    "scan.tif": photo, "old.jpg": grey, "portrait.jpg": portrait, "party.jpg": portrait,
    "photos": folder("a.jpg", "b.png", "below/c.jpg"), "other-photos": folder("a.jpg"),
    "examples": folder("cat.jpg"), "dashcam": folder("a.jpg"), "scans": folder("a.tif"),
    "small": folder("a.jpg"), "originals": folder("a.jpg"), "one": folder("a.jpg"),
    "other": folder("a.jpg"), "old-photos": folder("a.jpg", make=grey),
    "cats": folder("a.jpg", "b.jpg"), "other-cats": folder("a.jpg"),
    "more-cats": folder("a.jpg", "b.jpg"), "drawings": folder("a.png", make=drawing),
    "paintings": folder("trainA/a.jpg", "trainB/b.jpg"),
    "renders": renders, "eyes/real": folder("a.png", "b.png", make=grey),
    "clip.mp4": clip, "clip.mkv": clip, "film.mp4": clip, "holiday.mp4": clip, "drive.mp4": clip,
    "in.mp4": clip, "before.mp4": clip, "after.mp4": clip, "interview.mp4": interview,
    "old-film.mp4": grey_clip,
    "my.onnx": model("superres/photo-x2-fidelity"), "mine.onnx": model("superres/photo-x4"),
}  # fmt: skip
OWN: dict[tuple[str, str], Make] = {
    ("docs/comparing.md", "photo-superres-x4.jpg"): photo,
    ("docs/films.md", "clip.mp4"): long_clip,
}
"""What a page takes for made, or needs otherwise than the others."""


def fill(room: Path, page: str) -> None:
    """Every sample that the page names."""
    own = {name: make for (whose, name), make in OWN.items() if whose == page}
    for name, make in (SAMPLES | own).items():
        if name in text(page):
            (room / name).parent.mkdir(parents=True, exist_ok=True)
            make(room / name)
