"""Numbered sheets of what a training can do, always on the same batch, and a page over them."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gantool import atomic
from gantool.media.carry import Carry
from gantool.media.images import write_image
from gantool.training.degrade import Bytes

GAP = 4
"""White pixels between pictures."""
PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px sans-serif; margin: 2em }} img {{ max-width: 100% }}</style>
<h1>{title}</h1><p>Columns: {columns}. Newest first; the rows are always the same.</p>
{sheets}
"""


def save(folder: Path, step: int, sheet: Bytes, columns: Sequence[str]) -> Path:
    """Write `folder/step_….png` and `folder/index.html` over all sheets so far."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:06d}.png"
    write_image(path, sheet, Carry())
    newest_first = sorted((each.name for each in folder.glob("step_*.png")), reverse=True)
    sheets = "\n".join(f'<h2>{name[5:-4]}</h2><img src="{name}">' for name in newest_first)
    title, titles = html.escape(folder.resolve().parent.name), html.escape(", ".join(columns))
    page = PAGE.format(title=title, columns=titles, sheets=sheets)
    atomic.write_text(folder / "index.html", page)
    return path


def sheet(columns: Mapping[str, Tensor]) -> Bytes:
    """Columns N×3×h×w in [0, 1] → one picture: a row per sample, all at the largest size."""
    height = max(pictures.shape[2] for pictures in columns.values())
    width = max(pictures.shape[3] for pictures in columns.values())
    drawn = [_bytes(interpolate(each.float(), (height, width))) for each in columns.values()]
    rows = [np.hstack([_framed(column[row]) for column in drawn]) for row in range(len(drawn[0]))]
    return np.vstack(rows)


def _bytes(pictures: Tensor) -> Bytes:
    levels = (pictures.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()


def _framed(picture: Bytes) -> Bytes:
    return np.pad(picture, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
