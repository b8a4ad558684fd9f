"""Single models, by name or file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.api.installed import registry
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.runtime.session import Session, Tile


def load(model: str, *, device: str = "auto", tile: int | str | None = "auto") -> Session:
    """One model, by name or file, as a function H×W×3 → sH×sW×3 (uint8 or uint16).

    Raises ModelError where the model is missing or refused, DeviceError for the device.
    """
    from gantool import store
    from gantool.runtime import providers
    from gantool.runtime.session import Session

    path = store.locate(model, registry().models)
    return Session(path, providers.choose(device), _tile(tile))


def _tile(tile: int | str | None) -> Tile:
    """`auto`, `off` or a side in pixels."""
    if tile == "auto":
        return "auto"
    if tile in ("off", None):
        return None
    if str(tile).isdigit() and int(tile) >= 16:
        return int(tile)
    raise UsageError(f"--tile {tile}: auto, off, or a side of 16 pixels or more")
