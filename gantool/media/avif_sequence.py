"""Animated AVIF: the frames of one that is read."""

from __future__ import annotations

import io

import numpy as np
from PIL import AvifImagePlugin

from gantool.media import exif
from gantool.media.animation import Moving, check_size
from gantool.media.carry import Carry
from gantool.media.picture import Timing


def moving(data: bytes, max_pixels: int) -> Moving | None:
    """The animation, played for ever; None where the AVIF holds one picture."""
    if b"avis" not in data[8 : int.from_bytes(data[:4], "big")]:
        return None
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    if image.n_frames < 2:
        return None
    check_size(*image.size, image.n_frames, max_pixels=max_pixels)
    frames, durations = [], []
    for number in range(image.n_frames):
        image.seek(number)
        frames.append(np.array(image.convert("RGBA")))
        durations.append(int(image.info["duration"]))
    carry = Carry(
        exif=exif.block(image.info.get("exif") or b""),
        icc=image.info.get("icc_profile") or b"",
        xmp=image.info.get("xmp") or b"",
    )
    return Moving(frames, carry, Timing(tuple(durations)))
