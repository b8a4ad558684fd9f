"""Sizes of pictures, before their pixels are read."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from gantool.errors import ItemError
from gantool.media.picture import Limits


@dataclass(frozen=True)
class Header:
    width: int
    height: int
    frames: int = 1


def read_header(source: Path, limits: Limits) -> Header:
    try:
        with Image.open(source) as image:
            return Header(*image.size)
    except (OSError, UnidentifiedImageError) as error:
        raise ItemError(f"{source}: {error}") from error
